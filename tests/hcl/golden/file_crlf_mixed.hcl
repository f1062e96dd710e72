a   = 1
bbb = 2
c   = 3 # x
dd  = 4 # y
