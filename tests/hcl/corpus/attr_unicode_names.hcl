größe = 1
a = 2
名前 = "x" # n
