"""Values, types, functions and the evaluation of expressions."""
