a         = 1
long_name = 2

b                 = 1
longer_name_still = 2
