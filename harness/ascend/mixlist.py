"""The file of ``--modify_mixlist``: which operator types a mixed precision mode lowers, beside what it does by itself.

``{"black-list": {"to-add": [...], "to-remove": [...]}, "white-list": {...}}``, each list of Ascend operator types; what is added to one
list leaves the others, what is removed follows the operator before it (ATC reference of CANN 8.0, ``--modify_mixlist``).
"""

from __future__ import annotations

import json
from typing import Any, Iterable, Mapping, Sequence

from harness.ascend.precision import BLACK, WHITE
from harness.core.errors import UsageError
from harness.core.value import value

LISTS, CHANGES = ("black-list", "white-list"), ("to-add", "to-remove")


@value
class Mixlist:
    """Types that are added to the black and to the white list."""

    black: Sequence[str] = ()
    white: Sequence[str] = ()

    def text(self) -> str:
        """Return the file; lists without a change are left out."""
        found = {name: {"to-add": sorted(types)} for name, types in zip(LISTS, (self.black, self.white)) if types}
        return json.dumps(found, indent=2) + "\n"


def mixlist_of(kept: Iterable[str], present: Iterable[str]) -> Mixlist:
    """Return what makes a mixed mode keep the types ``kept`` in float32 and lower every other type that is ``present``."""
    kept = set(kept)
    return Mixlist(
        black=tuple(sorted(kept - BLACK)), white=tuple(sorted(type_ for type_ in set(present) - kept if type_ not in WHITE))
    )


def read(text: str, where: str) -> Mixlist:
    """Return what a file adds. Raises `UsageError`, beginning with ``where``, for what ATC would not take or would pass over."""
    expected = '{"black-list": {"to-add": ["ReduceMean"]}, "white-list": {"to-add": ["Add"]}}'
    try:
        data = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{where} is no JSON ({error}); expected {expected}") from None
    if not isinstance(data, Mapping) or not data or set(data) - set(LISTS):
        raise UsageError(f"{where}: expected the lists {' and '.join(LISTS)}, such as {expected}")
    for name, part in data.items():
        if not isinstance(part, Mapping) or set(part) - set(CHANGES):
            raise UsageError(f"{where}: {name} is {part!r}; expected the changes {' and '.join(CHANGES)}, such as {expected}")
        for change, types in part.items():
            _types(types, f"{where}: {name}, {change}")
    added = {name: tuple(data.get(name, {}).get("to-add", ())) for name in LISTS}
    both = sorted(set(added["black-list"]) & set(added["white-list"]))
    if both:
        raise UsageError(f"{where}: {', '.join(both)} is added to both lists; leave it in one")
    for name, there in (("black-list", BLACK), ("white-list", WHITE)):
        gone = data.get(name, {}).get("to-remove", ())
        absent = [type_ for type_ in gone if type_ not in there]
        if absent:
            raise UsageError(f"{where}: {', '.join(absent)} is not on the {name}, so it cannot be removed; leave it out")
        if gone:
            raise UsageError(f"{where}: {name}, to-remove is not emulated; expected to-add alone")
    return Mixlist(black=added["black-list"], white=added["white-list"])


def _types(types: Any, where: str) -> None:
    if not isinstance(types, list) or not all(isinstance(item, str) and item.isidentifier() for item in types):
        raise UsageError(f"{where} is {types!r}; expected a list of Ascend operator types, such as [\"SoftmaxV2\"]")
