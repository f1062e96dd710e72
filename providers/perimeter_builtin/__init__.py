"""The builtin provider of perimeter."""
