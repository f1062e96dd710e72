a {
  # lead
  x = 1
  // other
  yy = 2
  /* block */
  zzz = 3
  # tail
}
