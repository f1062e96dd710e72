"""An emulated Vault server."""
