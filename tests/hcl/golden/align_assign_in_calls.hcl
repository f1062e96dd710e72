a = f(x, {
  y   = 1
  zzz = 2
})
