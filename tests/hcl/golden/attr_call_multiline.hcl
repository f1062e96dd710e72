a = merge(
  { x = 1 },
  {
    y   = 2
    zzz = 3
  },
)
b = 1
