a = (x
&& y
|| z)
