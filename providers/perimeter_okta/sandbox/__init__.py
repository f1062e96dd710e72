"""An emulated Okta org."""
