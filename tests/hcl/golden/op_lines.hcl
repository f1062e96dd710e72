a = (x
  && y
|| z)
