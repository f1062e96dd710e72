"""The provider ``age``: encrypted files beside the configuration, as sinks of credentials."""
