token = "abc"
names = ["a", "b"]
settings = {
  on    = true
  level = 3
}
