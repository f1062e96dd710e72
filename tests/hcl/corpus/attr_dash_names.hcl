my-name=1
x-y-z   =   2
a_b = 3
