a = "%{ if x }${
y
}%{ endif }"
b = 1
