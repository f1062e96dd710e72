a = (
  x
  -y
  + z
)
