"""One module per command; each is its function ``run``."""
