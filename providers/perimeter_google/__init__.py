"""The provider ``google``: Google Cloud's Secret Manager, as a sink of credentials."""
