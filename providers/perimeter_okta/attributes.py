"""Attributes that several types have."""

from __future__ import annotations

from perimeter.sdk import STRING, Attribute, Mode
from perimeter.sdk.canonical import timestamp

ID = Attribute(type=STRING, doc="Okta's id.", computed=True, mode=Mode.OBSERVED)


def observed(doc: str) -> Attribute:
    """A text that Okta shows and nobody writes."""
    return Attribute(type=STRING, doc=doc, computed=True, mode=Mode.OBSERVED)


def moment(doc: str) -> Attribute:
    """A time that Okta shows."""
    return Attribute(type=STRING, doc=doc, computed=True, mode=Mode.OBSERVED, canonical=timestamp)
