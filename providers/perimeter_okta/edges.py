"""Ids of relations between two objects."""

from __future__ import annotations


def edge_id(parent: str, child: str) -> str:
    """``PARENT/CHILD``."""
    return f"{parent}/{child}"


def split_edge(text: str) -> tuple[str, str]:
    """Both ids of a relation.

    Raises:
        ValueError: the text is not ``PARENT/CHILD``.
    """
    parent, slash, child = text.partition("/")
    if not (parent and slash and child) or "/" in child:
        raise ValueError(f'"{text}" does not name two ids.')
    return parent, child
