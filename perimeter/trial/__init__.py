"""Users' own tests of their configuration: ``*.test.hcl``."""
