a    = { x = 1 }
long = { y = 2, z = 3 }
