a = {
  x = 1 # one
  # alone
  long = 2 // two
}
