a = "x = y"
longer = "z=1"
