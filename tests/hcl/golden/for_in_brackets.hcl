a = [for x in [1, 2] : x]
b = [for x in ["a"] : x]
c = [for x in { a = 1 } : x]
d = [for x in(y) : x]
