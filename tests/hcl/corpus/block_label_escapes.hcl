a "x\ty" {}
b "say \"hi\"" {}
c "back\\slash" {}
d "line\nbreak" {}
