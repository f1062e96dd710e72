a = [
1
] # list
bbb = 2 # number
