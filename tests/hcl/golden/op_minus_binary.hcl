a = x-y
b = x - y
c = x - y
d = f(x) - 1
e = x[0] - 1
f = (x) - 1
g = x-1
