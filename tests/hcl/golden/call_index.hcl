a = f()[0]
b = f().x
c = f()[0].x
