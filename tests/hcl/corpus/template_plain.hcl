a="${x}-${y}"
b="pre-${ x }"
c="${  x  }-post"
