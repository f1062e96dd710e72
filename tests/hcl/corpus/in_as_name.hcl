a=in[0]
b=x.in
c=[in,in]
