a = [
  /* one
two */
  1,
]
