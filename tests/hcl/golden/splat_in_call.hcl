a = f(x[*].y...)
b = length(x.*.y)
