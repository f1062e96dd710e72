a = format("%s-%d", x, 1)
b = join(", ", ["x", "y"])
