a {
  x    = 1
  long = 2
  nested {
    y = 1
  }
  z = 3
}
