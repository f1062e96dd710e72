a="${x}"
b="${ var.x }"
c = "${x.y[0]}"
long="${f("${x}")}"
