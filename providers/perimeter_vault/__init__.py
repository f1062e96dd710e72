"""The provider ``vault``: secrets in HashiCorp Vault's KV engine, version 2, as sinks of credentials."""
