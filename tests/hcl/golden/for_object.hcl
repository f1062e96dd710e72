a = { for x in y : x => x }
b = { for k, v in y : k => v }
c = { for k, v in y : k => v... if v > 1 }
d = { for k, v in y : k => v }
