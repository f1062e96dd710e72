a   = 1 # one
bbb = 22
cc  = 333 # three
