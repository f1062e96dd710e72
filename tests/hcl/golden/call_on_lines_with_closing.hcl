a = f(g(
  1
))
b = f(g(1
))
