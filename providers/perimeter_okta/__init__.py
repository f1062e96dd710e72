"""The okta provider of perimeter."""
