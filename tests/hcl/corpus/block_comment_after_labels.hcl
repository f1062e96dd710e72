a "x" /* keep */ {
x=1
}
b /* keep */ {
}
