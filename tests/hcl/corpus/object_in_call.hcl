a = merge({x=1},{yy=2})
b = jsonencode({
x = 1
long = [
1,
2
]
})
