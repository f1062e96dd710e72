a { x = 1 }   # one
bb { yy = 2 } # two
