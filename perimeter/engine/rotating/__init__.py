"""Rotation: the machine that decides, and what carries out its steps."""
