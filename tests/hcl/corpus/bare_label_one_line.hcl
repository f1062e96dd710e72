x y z { a=1 }
variable n {}
