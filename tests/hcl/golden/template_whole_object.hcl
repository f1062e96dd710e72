a = { x = 1 }
b = { x = 1 }
c = merge({ x = 1 }, { y = 2 })
