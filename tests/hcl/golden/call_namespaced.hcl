a = provider::perimeter::encode_expr(x)
b = provider::perimeter::encode_expr(x)
c = core::max(1, 2)
