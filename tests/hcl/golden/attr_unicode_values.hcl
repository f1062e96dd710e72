a  = "日本語" # one
b  = "x"   # two
cc = "👩‍👩‍👧"   # three
