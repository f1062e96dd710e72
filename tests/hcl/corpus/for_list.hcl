a=[for x in y:x]
b=[ for x in y : x ]
c=[for x in y:x if x!=null]
d=[for k,v in y:"${k}=${v}"]
