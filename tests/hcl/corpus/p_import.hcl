import {
to=okta_group.sales
id="00g1"
}
import {
for_each=var.ids
to=okta_group.all[each.key]
id=each.value
}
