a=null
bb=true
ccc=false
