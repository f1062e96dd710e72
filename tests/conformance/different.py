"""Expressions that are meant to answer otherwise than Terraform, with the reason; docs/language.md names them."""

DIFFERENT = {
    "module.m": "a sensitive output stays hidden inside the whole module's value, too",
    "module.mm": "a sensitive output stays hidden inside the whole module's value, too",
    "module.m.secret": "a sensitive output stays hidden; Terraform's console shows it",
    'cidrsubnet("10.0.0.0/8", -1, 0)': "a prefix cannot be extended by less than nothing",
    'cidrsubnet("10.0.0.0/16", 2, -1)': "the network would lie outside the given one",
    'cidrhost("::ffff:10.0.0.0/104", 1)': "the host would lie outside the given network",
    "false && [][0]": "the left operand decides, as in Terraform since 1.12",
}

RECORDED_OTHERWISE = {
    "1 // comment": "the recorder lost what follows the comment: its type and JSON",
}
"""Cases whose record is no answer to the expression."""
