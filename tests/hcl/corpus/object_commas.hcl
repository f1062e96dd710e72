a={x=1,yy=2,zzz=3}
b = {
x=1,
yy=2,
zzz=3,
}
