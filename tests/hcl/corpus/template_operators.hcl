a="x${y+1}z"
b="x${y?1:2}z"
c="x${!y}z"
d="x${-y}z"
