"""The functions of the language by name; loaded when the first one is called."""

from __future__ import annotations

from perimeter.lang.functions import (
    collections,
    conversion,
    crypto,
    csv,
    dates,
    encoding,
    files,
    lookups,
    maps,
    net,
    numeric,
    printf,
    regexes,
    removed,
    sets,
    strings,
    structures,
    templating,
    yaml,
)
from perimeter.lang.functions.function import Function

FUNCTIONS: dict[str, Function] = {
    name: function
    for family in (
        collections,
        conversion,
        crypto,
        csv,
        dates,
        encoding,
        files,
        lookups,
        maps,
        net,
        numeric,
        printf,
        regexes,
        removed,
        sets,
        strings,
        structures,
        templating,
        yaml,
    )
    for name, function in family.FUNCTIONS.items()
}
"""Every function but ``try`` and ``can``, which evaluate their arguments themselves."""
