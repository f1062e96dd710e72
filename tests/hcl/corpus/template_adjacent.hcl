a="${x}${y}%{if z}w%{endif}${v}"
