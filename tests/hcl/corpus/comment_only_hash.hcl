#one
# two
  #three
