"""Versions and version constraints in Terraform's syntax.

The rules are those of https://developer.hashicorp.com/terraform/language/expressions/version-constraints
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

_VERSION = re.compile(
    r"v?(?P<core>\d{1,18}(?:\.\d{1,18})*)"
    r"(?:-?(?P<pre>[A-Za-z~][\w~-]*(?:\.[\w~-]+)*)|-(?P<pre2>\d[\w~-]*(?:\.[\w~-]+)*))?"
    r"(?:\+(?P<meta>[\w~-]+(?:\.[\w~-]+)*))?",
    re.ASCII,
)
_TERM = re.compile(r"\s*(?P<op>=|!=|>=|<=|>|<|~>)?\s*(?P<version>[^\s,]+)\s*")


class VersionError(ValueError):
    """The text is no version or no version constraint."""


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A version.

    Attributes:
        segments: the numbers, padded to at least three.
        given: how many numbers were written.
        prerelease: the identifiers after ``-``, or none. Build metadata is dropped: it never counts.
    """

    segments: tuple[int, ...]
    given: int = 3
    prerelease: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Version:
        """Parse ``1.2.3-beta.1``.

        Raises:
            VersionError: the text is no version.
        """
        match = _VERSION.fullmatch(text.strip())
        if match is None:
            raise VersionError(f'"{text}" is not a version such as 1.2.3.')
        core = tuple(int(part) for part in match["core"].split("."))
        pre = match["pre"] or match["pre2"]
        padded = core + (0,) * (3 - len(core))
        return cls(padded, len(core), tuple(pre.split(".")) if pre else ())

    @property
    def core(self) -> Version:
        """The version without its prerelease."""
        return Version(self.segments, self.given)

    def _key(self) -> tuple[object, ...]:
        stripped = list(self.segments)
        while len(stripped) > 3 and stripped[-1] == 0:
            stripped.pop()
        identifiers = tuple(
            (0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.prerelease
        )
        return (tuple(stripped), not self.prerelease, identifiers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key() == other._key()

    def __lt__(self, other: Version) -> bool:
        return self._key() < other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        text = ".".join(map(str, self.segments))
        return f"{text}-{'.'.join(self.prerelease)}" if self.prerelease else text


def _comparable(version: Version, bound: Version) -> bool:
    """Whether an inequality may hold: prereleases answer only to bounds of the same core."""
    return not version.prerelease or (bool(bound.prerelease) and version.segments == bound.segments)


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison of a constraint."""

    operator: str
    version: Version

    def allows(self, version: Version) -> bool:
        """Whether the version satisfies it."""
        bound = self.version
        match self.operator:
            case "=":
                return version == bound
            case "!=":
                return version != bound
            case ">":
                return _comparable(version, bound) and version > bound
            case ">=":
                return _comparable(version, bound) and version >= bound
            case "<":
                return _comparable(version, bound) and version < bound
            case "<=":
                return _comparable(version, bound) and version <= bound
        fixed = bound.given - 1
        return (
            _comparable(version, bound)
            and not (bound.prerelease and not version.prerelease)
            and version >= bound
            and version.segments[:fixed] == bound.segments[:fixed]
        )


@dataclass(frozen=True, slots=True)
class Constraint:
    """Comparisons that must all hold."""

    terms: tuple[Term, ...]
    text: str

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """Parse ``>= 1.2, < 2.0`` or ``~> 1.2``; a version alone means ``=``.

        Raises:
            VersionError: the text is no constraint.
        """
        terms = []
        for part in text.split(","):
            match = _TERM.fullmatch(part)
            if match is None:
                raise VersionError(f'"{text}" is not a version constraint such as ~> 1.2.')
            terms.append(Term(match["op"] or "=", Version.parse(match["version"])))
        return cls(tuple(terms), text)

    def allows(self, version: Version) -> bool:
        """Whether the version satisfies every term."""
        return all(term.allows(version) for term in self.terms)

    @property
    def has_prerelease(self) -> bool:
        """Whether a term names a prerelease."""
        return any(term.version.prerelease for term in self.terms)
