a = "x"
b = ["y"]
c = { z = 1 }
d = -1
e = !f
g = (h)
