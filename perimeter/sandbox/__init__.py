"""Emulated tenants on loopback."""
