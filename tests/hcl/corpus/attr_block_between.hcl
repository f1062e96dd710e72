a = 1
block {
}
long_name = 2
