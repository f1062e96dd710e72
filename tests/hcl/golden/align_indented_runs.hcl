a {
  x   = 1
  yyy = 2
  b {
    z     = 1
    wwwww = 2
  }
  v = 3
}
