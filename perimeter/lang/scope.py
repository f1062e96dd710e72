"""What an expression may refer to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from perimeter.diagnostics import Diagnostics, Range, did_you_mean
from perimeter.lang.values import Value, unknown

if TYPE_CHECKING:
    from perimeter.lang.functions.function import Function


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a traversal: ``.name``, or ``["key"]`` / ``[0]`` where the key is a literal (``index`` is then true)."""

    key: str | int
    range: Range
    index: bool = False

    def __str__(self) -> str:
        if not self.index:
            return f".{self.key}"
        return f'["{self.key}"]' if isinstance(self.key, str) else f"[{self.key}]"


@dataclass(frozen=True, slots=True)
class Traversal:
    """A root name and the static steps after it: ``module.m["a"].out`` is root ``module``, steps m, a, out."""

    root: str
    steps: tuple[Step, ...]
    range: Range

    def __str__(self) -> str:
        return self.root + "".join(map(str, self.steps))


class Scope(Protocol):
    """Resolves the roots of traversals.

    The evaluator looks names up among a for expression's variables first and asks the scope otherwise.
    """

    def resolve(self, traversal: Traversal, diagnostics: Diagnostics) -> tuple[Value, int]:
        """Return the value that a prefix of the traversal names, and how many steps that prefix has.

        The evaluator applies the remaining steps itself. What cannot be resolved is reported to ``diagnostics`` and
        answered with an unknown of dynamic type.
        """
        ...

    def function(self, name: str) -> Function | None:
        """Return a function that the language itself does not have (``provider::…``); None when unknown here, too."""
        ...

    @property
    def base_dir(self) -> str:
        """``path.root`` directory against which file functions resolve relative paths."""
        ...


class FileScope(Protocol):
    """What a scope offers in addition when it decides how files are read, for instance to record them.

    Paths are as the configuration wrote them, with a leading ``~`` expanded; relative ones are below ``base_dir``.
    A scope without these methods reads the disk.
    """

    def read_file(self, path: str) -> bytes:
        """Return a file's content; raise ``OSError`` when it cannot be read."""
        ...

    def file_exists(self, path: str) -> bool:
        """Whether there is a regular file; raise ``OSError`` when the path is something else."""
        ...

    def list_files(self, path: str) -> Sequence[str]:
        """Return the files in a directory and below, relative to it and with ``/``; none when it is missing."""
        ...


class StaticScope:
    """Knows fixed variables by name and nothing else: for tests, templates and constant expressions.

    Attributes:
        base_dir: where relative paths start.
        planning: whether ``timestamp``, ``uuid`` and ``bcrypt`` are left unknown, as while planning.
        now: the RFC 3339 text that ``plantimestamp`` returns; the function is unknown when there is none.
        console: whether ``type`` may be called.
    """

    def __init__(
        self,
        variables: Mapping[str, Value] | None = None,
        base_dir: str = ".",
        *,
        planning: bool = True,
        now: str | None = None,
        console: bool = False,
    ) -> None:
        self._variables = variables or {}
        self._base_dir = base_dir
        self.planning = planning
        self.now = now
        self.console = console

    @property
    def base_dir(self) -> str:
        """Where relative paths start."""
        return self._base_dir

    def resolve(self, traversal: Traversal, diagnostics: Diagnostics) -> tuple[Value, int]:
        """Return the variable that the root names."""
        found = self._variables.get(traversal.root)
        if found is not None:
            return found, 0
        if not self._variables:
            diagnostics.error(
                "Variables not allowed", "Variables may not be used here.", traversal.range
            )
        else:
            hint = did_you_mean(traversal.root, self._variables)
            detail = f'There is no variable named "{traversal.root}".{hint}'
            diagnostics.error("Unknown variable", detail, traversal.range)
        return unknown(), 0

    def function(self, name: str) -> Function | None:
        """Know no functions beyond the language's."""
        return None
