a {
  b {
    c {
      x = 1
    }
    yy = 2
  }
  zzz = 3
}
