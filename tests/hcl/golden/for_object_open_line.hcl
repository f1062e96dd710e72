a = { for k, v in y : k => {
  x    = v
  long = 1
} }
