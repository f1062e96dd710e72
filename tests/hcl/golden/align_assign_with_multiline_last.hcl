a    = 1
bbbb = 2
cc = {
  x = 1
}
