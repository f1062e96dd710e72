a         = x == y
long_name = x != y
b         = [x == y]
