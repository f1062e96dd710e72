a   = 1  # one
bbb = 22 // two
cc  = 3 /* three */
d   = 4 # four
