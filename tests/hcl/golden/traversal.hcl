a = var.x.y.z
b = var.x
c = each.value["k"].v
d = module.m[0].out
e = data.okta_group.g.id
