a = [null, true, false]
b = { x = null }
c = f(null)
