a=1
bbb=2 # x


c {
x=1
}
