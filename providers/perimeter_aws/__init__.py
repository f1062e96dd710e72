"""The aws provider of perimeter."""
