a = {
x = 1

long = 2


y = 3
}
