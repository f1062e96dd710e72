"""The github provider of perimeter."""
