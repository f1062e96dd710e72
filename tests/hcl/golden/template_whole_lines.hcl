a = x
b = (x ?
1 : 2)
c = (
  x
)
