a = 1
list = [
  1,
]
long_name = 2
b         = 3
