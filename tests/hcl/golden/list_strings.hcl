a = [
  "one", "two",
  "three"
]
