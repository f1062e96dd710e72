a = {
  for k, v in y :
  k => {
    name      = v.name
    long_name = v.long
  }
  if v.on
}
