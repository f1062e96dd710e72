a = [
"one","two",
"three"
]
