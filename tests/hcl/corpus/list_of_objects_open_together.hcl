a = [{
x=1
long=2
}, {
x=1
}]
