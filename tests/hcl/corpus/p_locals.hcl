locals {
a=1
long_name={
x=1
}
b = [for x in var.y:x if x!=""]
}
