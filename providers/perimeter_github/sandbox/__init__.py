"""An emulated GitHub organisation."""
