a = {
  x = {
    y = {
      z    = 1
      long = 2
    }
  }
  w = 1
}
