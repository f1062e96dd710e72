a = {
for_each=1
in=2
if=3
true_=4
}
