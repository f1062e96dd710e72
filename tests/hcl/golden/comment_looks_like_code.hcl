# a=1
a = 1
#resource "x" "y" {
#}
