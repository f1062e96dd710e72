a = [
1,
2 ] # done
bb=3 # next
