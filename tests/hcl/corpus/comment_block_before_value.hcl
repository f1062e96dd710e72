a = /* one */ "x"
b /* two */ = "y"
