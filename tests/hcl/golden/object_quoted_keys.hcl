a = {
  "x"        = 1
  "long key" = 2
  y          = 3
}
