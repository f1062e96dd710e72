a=[for x in y:[for z in x:z]]
b = flatten([
for x in y : [
for z in x : {
name=z
of=x
}
]
])
