"""A tree of modules and functions with verdicts, as rows to be written: the worst first, what repeats once, open where something fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.core.value import value
from harness.report.nodes import DEEPEST, Node, from_the_top
from harness.report.text import line

MOST = 4000
"""Rows of one tree; above it what lies deep inside of parts without a failure is left out."""
_OPENED = 30
_NAMED = 100
_NO_RANK = 99


@value
class Mark:
    """The verdict of one cell: its ``place`` among all cells, style class, sign and words. ``rank``: 0 for the worst failure, 99 for none.

    ``why`` is what the cell shows, in one line.
    """

    place: int
    style: str
    sign: str
    words: str
    rank: int = _NO_RANK
    why: str = ""


@value
class Row:
    """One line of the tree, for one node or for several that follow each other and are the same all through.

    ``paths``: of these nodes, where the name does not tell. ``same``: path and anchor of the row that has the same case, or of the part
    that is the same all through. ``inside``: how many nodes lie inside but are not shown; ``failing``: how many of those inside fail;
    ``parent``: whether rows that lie inside follow; ``closes``: how many parents end after the row.
    """

    anchor: str
    name: str
    paths: Sequence[str]
    count: int
    type: str
    function: bool
    calls: int
    marks: Sequence[Mark | None]
    same: tuple[str, str] | None
    reason: str
    why: str
    inside: int
    failing: int
    parent: bool
    open: bool
    closes: int


class Tree:
    """The nodes of one model, with ``marks``: by case the verdict on each route, None where it did not run."""

    def __init__(self, nodes: Sequence[Node], marks: Mapping[str, Sequence[Mark | None]], prefix: str) -> None:
        self._nodes, self._marks, self._prefix = nodes, marks, prefix
        self._home: dict[str, int] = {}
        for place, node in enumerate(nodes):
            self._home.setdefault(node.case, place)
        self._home.pop("", None)
        self._below: list[list[int]] = [[] for _ in nodes]
        for place, node in enumerate(nodes):
            if node.parent >= 0:
                self._below[node.parent].append(place)
        self._own = [min((mark.rank for mark in self._marks.get(node.case, ()) if mark), default=_NO_RANK) for node in nodes]
        self._sum_up()

    def _sum_up(self) -> None:
        """Work out, from the leaves up, the size of each part, its failures and worst one, and what it has in common with others."""
        total = len(self._nodes)
        self._size, self._failing, self._homes, self._alike = [0] * total, [0] * total, [0] * total, [0] * total
        self._worst = list(self._own)
        known: dict[object, int] = {}
        for place in reversed(from_the_top([node.parent for node in self._nodes])):
            node, below = self._nodes[place], self._below[place]
            self._homes[place] = self._home.get(node.case) == place
            for child in below:
                self._size[place] += 1 + self._size[child]
                self._failing[place] += (self._own[child] < _NO_RANK) + self._failing[child]
                self._homes[place] += self._homes[child]
                self._worst[place] = min(self._worst[place], self._worst[child])
            inner = tuple((self._nodes[child].name, self._alike[child]) for child in below if not self._nodes[child].extra)
            said = (node.type, node.level, node.case, node.reason, node.calls, inner)
            self._alike[place] = known.setdefault(said, len(known))

    def __len__(self) -> int:
        """Return how many nodes there are, shown or not."""
        return len(self._nodes)

    def anchor(self, case: str) -> str:
        """Return the anchor of the row that tells of a case, "" where none does."""
        return f"{self._prefix}n{self._home[case]}" if case in self._home else ""

    def rows(self) -> list[Row]:
        """Return the rows in the order in which they are shown, at most `MOST`."""
        for level in (DEEPEST, 8, 5, 3, 2, 1, 0):
            steps = self._walk(level)
            if len(steps) <= MOST:
                break
        steps = steps if len(steps) <= MOST else self._walk(0, MOST)
        opened = self._opened(steps)
        return [self._row(step, step.place in opened) for step in steps]

    def _walk(self, level: int, most: int = 0) -> list[_Step]:
        """Return what is shown, one step a row and at most ``most``. From a ``level`` on nothing that lies inside a part without failures.

        A part without a case of its own that is like one shown before is one row, and so are several such that follow each other.
        """
        found: list[_Step] = []
        shown: dict[int, int] = {}
        pending = [self._sorted([place for place, node in enumerate(self._nodes) if node.parent < 0])]
        while pending and len(found) < (most or MOST + 1):
            place = next(pending[-1], -1)
            if place < 0:
                pending.pop()
                if found and pending:
                    found[-1].closes += 1
                continue
            below = self._below[place]
            target = shown.setdefault(self._alike[place], place) if below else place
            folded = target != place and not self._homes[place]
            if folded and found and found[-1].target == target and self._siblings(found[-1].place, place):
                found[-1].more.append(place)
                continue
            calm = len(pending) > level and not self._failing[place]
            found.append(_Step(place, target if folded else -1, parent=bool(below) and not folded and not calm))
            if found[-1].parent:
                pending.append(self._sorted(below))
        if found:
            found[-1].closes += max(0, len(pending) - 1)  # what was cut off ends here
        return found

    def _siblings(self, one: int, other: int) -> bool:
        return self._nodes[one].parent == self._nodes[other].parent

    def _sorted(self, places: Sequence[int]) -> Iterator[int]:
        return iter(sorted(places, key=lambda place: self._worst[place]))

    def _opened(self, steps: Sequence[_Step]) -> set[int]:
        """Return the nodes that are shown open: those around the first failures of cases."""
        found: set[int] = set()
        around: list[int] = []
        left = _OPENED
        for step in steps:
            if self._own[step.place] < _NO_RANK and self._home.get(self._nodes[step.place].case) == step.place and left:
                found.update(around)
                left -= 1
            if step.parent:
                around.append(step.place)
            for _ in range(step.closes):
                around.pop()
        return found

    def _row(self, step: _Step, opened: bool) -> Row:
        place, nodes = step.place, [self._nodes[place] for place in (step.place, *step.more)]
        node, home = nodes[0], self._home.get(nodes[0].case, step.place)
        marks = self._marks.get(node.case, ())
        told = min((mark for mark in marks if mark and mark.rank < _NO_RANK), key=lambda mark: mark.rank, default=None)
        kind, name = line(node.type, 80), line(node.name, 120)
        paths = [line(one.path, 240) for one in nodes[:_NAMED]]
        why = told.why if told and home == place else ""
        return Row(
            anchor=f"{self._prefix}n{place}" if home == place or self._below[place] else "",
            name=f"{name} … {line(nodes[-1].name, 120)}" if step.more else name, paths=() if paths == [name] else paths, count=len(nodes),
            type="" if node.function and name.startswith(f"{kind}()") else kind, function=node.function, calls=node.calls, marks=marks,
            same=self._same(node, step.target if step.target >= 0 else home if home != place else -1),
            reason=line(node.reason, 200) or ("" if node.case else "no reason was recorded"), why=why,
            inside=0 if step.parent else self._size[place], failing=self._failing[place], parent=step.parent, open=opened,
            closes=step.closes,
        )  # fmt: skip

    def _same(self, node: Node, target: int) -> tuple[str, str] | None:
        """Return how a node is named that ``node`` is the same as, and where it is; None for none."""
        if target < 0:
            return None
        other = self._nodes[target]
        return line(other.name if other.parent == node.parent else other.path, 120), f"{self._prefix}n{target}"


class _Step:
    """One row to be: its node and those ``more`` that are like it, what these are the same as (-1 for nothing)."""

    def __init__(self, place: int, target: int, *, parent: bool) -> None:
        self.place, self.target, self.parent = place, target, parent
        self.more: list[int] = []
        self.closes = 0
