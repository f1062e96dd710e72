a {       # one
  x = 1   # two
  yy = {  # three
    z = 1 # four
  }       # five
}         # six
