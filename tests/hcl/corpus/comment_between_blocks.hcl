a {
}
# about b
b {
}

# about c

c {
}
