a = {
1 = "one"
200 = "two hundred"
}
