a=f(x?1:2,y)
b=f(x ? {a=1} : null)
