a = "${x}${y}"
b = " ${x}"
c = "${x} "
d = "%{if x}y%{endif}"
