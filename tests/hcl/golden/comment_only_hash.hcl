#one
# two
#three
