"""What a migration did, and what it leaves to people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum


class Outcome(Enum):
    """What became of something foreign."""

    TRANSLATED = "translated"
    PARTLY = "left out"
    """An argument or block of something that is translated."""
    NOT = "not translated"
    """It stands in the files as a comment."""
    NOTE = "note"
    """What to know or to do before the first plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the report.

    Attributes:
        subject: the foreign address, block header or argument.
        text: ours for what is translated; the reason otherwise.
        file: the foreign file, from the migrated directory; empty for what stands in none.
    """

    outcome: Outcome
    subject: str
    text: str
    file: str = ""
    line: int = 0


@dataclass(slots=True, kw_only=True)
class Report:
    """All entries, in the order of the files.

    Attributes:
        imports: how many import blocks were written.
    """

    entries: dict[Entry, None] = field(default_factory=dict)
    imports: int = 0

    def add(self, entry: Entry) -> None:
        """Append an entry, unless it is there already."""
        self.entries.setdefault(entry)

    def note(self, subject: str, text: str) -> None:
        """Append a note."""
        self.add(Entry(outcome=Outcome.NOTE, subject=subject, text=text))

    def of(self, outcome: Outcome) -> list[Entry]:
        """The entries of one kind."""
        return [entry for entry in self.entries if entry.outcome is outcome]

    @property
    def counts(self) -> Counter[Outcome]:
        """How many of each kind."""
        return Counter(entry.outcome for entry in self.entries)
