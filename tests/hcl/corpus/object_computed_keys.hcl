a = {
(var.x)=1
(local.long)=2
"${var.x}-y"=3
z=4
}
