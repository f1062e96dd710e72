"""An emulated Google Cloud project."""
