"""What Hypothesis is asked for: shapes to try, drawn the same way each time, and the smallest one that fails. Its only importer.

Hypothesis is loaded when a function here is called, not with the module: collecting cases needs none of it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.core.value import value

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase
    from hypothesis.strategies import DrawFn, SearchStrategy

SEEDS = 256
"""Seeds of inputs that are drawn: 0 to this less one."""
_LONG = 512


class Space(Protocol):
    """The admissible assignments of lengths to dimensions; `harness.core.space` has them for a case."""

    @property
    def dims(self) -> Mapping[str, Any]:
        """The dimensions by name."""

    @property
    def example(self) -> Mapping[str, int]:
        """The lengths a model is exported with."""

    def choices(self, name: str, given: Mapping[str, int]) -> Sequence[int]:
        """Return the lengths of one dimension that go with those given, ascending."""

    def holds(self, lengths: Mapping[str, int]) -> bool:
        """Return whether these lengths are admissible together."""


@value
class Example:
    """What one run is made of: lengths by dimension, the rung of the input ladder, the seed of the inputs."""

    lengths: Mapping[str, int]
    rung: str = "normal"
    seed: int = 0

    @property
    def key(self) -> tuple[Any, ...]:
        """Something to look it up by."""
        return (*sorted(self.lengths.items()), self.rung, self.seed)

    @property
    def point(self) -> dict[str, Any]:
        """Lengths and rung, as `harness.numerics.region` takes them."""
        return {**self.lengths, "rung": self.rung}

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `example_from` reads."""
        return {"lengths": dict(self.lengths), "rung": self.rung, "seed": self.seed}


def example_from(data: Mapping[str, Any]) -> Example:
    """Return the example that `Example.to_json` wrote."""
    return Example(lengths=dict(data["lengths"]), rung=data["rung"], seed=data["seed"])


def drawn(space: Space, rungs: Sequence[str], count: int, seed: int) -> list[Example]:
    """Return at most ``count`` different examples, a function of the arguments alone.

    Half of the lengths are notable ones: the ends of the range, 0 to 4, the export sample and its neighbours, powers of two and the odd
    number after each, primes; a quarter of them is the length of another axis. Half of the examples are ordinary inputs (``rungs[0]``).
    """
    import hypothesis
    from hypothesis import strategies as st

    found: dict[tuple[Any, ...], Example] = {}

    flip: Any = st.booleans()

    @st.composite
    def examples(draw: DrawFn) -> Example:
        # Booleans alone: Hypothesis draws other types also from constants of whatever modules happen to be loaded.
        lengths: dict[str, int] = {}
        for name in space.dims:
            choices = space.choices(name, lengths)
            same = [n for n in choices if n in lengths.values()]
            if not draw(flip):
                choices = _notable(choices, space.example[name])
            elif same and draw(flip):
                choices = same
            lengths[name] = _bisected(draw, flip, choices)
        rung = _bisected(draw, flip, rungs[1:]) if len(rungs) > 1 and draw(flip) else rungs[0]
        return Example(lengths=lengths, rung=rung, seed=_bisected(draw, flip, range(SEEDS)))

    def note(example: Example) -> None:
        # The seed is of no account for telling examples apart: shapes and rungs are what is to be covered.
        found.setdefault((*example.key[:-1],), example)

    settings = hypothesis.settings(
        max_examples=max(1, count), phases=[hypothesis.Phase.generate], **_quiet(hypothesis), database=None,
    )  # fmt: skip
    hypothesis.seed(seed)(settings(hypothesis.given(examples())(note)))()
    return list(found.values())[:count]


def _quiet(hypothesis: Any) -> dict[str, Any]:
    """Return settings under which nothing but the examples decides: a framework may take as long as it likes."""
    return {
        "deadline": None, "suppress_health_check": list(hypothesis.HealthCheck), "print_blob": False,
        "verbosity": hypothesis.Verbosity.quiet, "derandomize": False,
    }  # fmt: skip


def _bisected(draw: Any, flips: SearchStrategy[bool], options: Sequence[Any]) -> Any:
    while len(options) > 1:
        middle = (len(options) + 1) // 2
        options = options[middle:] if draw(flips) else options[:middle]
    return options[0]


def _notable(choices: Sequence[int], example: int) -> list[int]:
    """Return the choices at which shapes tend to break, at least one."""
    powers = {n + more for n in (4, 8, 16, 32, 64, 128, 256, 512) for more in (0, 1)}
    wanted = {0, 1, 2, 3, 5, 7, 11, 13, example - 1, example, example + 1, choices[0], choices[-1], *powers}
    return [n for n in choices if n in wanted] or list(choices)


def smallest(space: Space, rungs: Sequence[str], start: Example, fails: Callable[[Example], bool]) -> Example:
    """Return the simplest example that ``fails``, as Hypothesis shrinks ``start``: lengths first, in order, then rung, then seed.

    ``fails`` must answer True for ``start`` and the same for the same example each time.
    """
    import hypothesis
    from hypothesis import strategies as st
    from hypothesis.database import InMemoryExampleDatabase, choices_to_bytes

    @st.composite
    def examples(draw: DrawFn) -> Example:
        lengths: dict[str, int] = {}

        def one(options: Sequence[Any]) -> Any:
            return options[0] if len(options) == 1 else options[draw(st.integers(0, len(options) - 1))]

        for name in space.dims:
            lengths[name] = one(space.choices(name, lengths))
        return Example(lengths=lengths, rung=one(rungs), seed=one(range(SEEDS)))

    if start.seed >= SEEDS or start.rung not in rungs or not space.holds(start.lengths):
        return start
    # The one way to say where to begin. Hypothesis takes an example that it would have stored itself for shrunk; this one is longer.
    begun = InMemoryExampleDatabase()
    begun.save(b"begin", choices_to_bytes([*_choices(space, rungs, start), 0]))
    settings = hypothesis.settings(
        max_examples=_LONG, phases=[hypothesis.Phase.reuse, hypothesis.Phase.shrink], **_quiet(hypothesis), database=begun,
    )  # fmt: skip
    try:
        return hypothesis.find(examples(), fails, settings=settings, database_key=b"begin")
    except (hypothesis.errors.NoSuchExample, hypothesis.errors.Unsatisfiable):
        return start


def _choices(space: Space, rungs: Sequence[str], example: Example) -> list[int]:
    """Return the choices by which the strategy of `smallest` makes ``example``; one where there is no choice is none."""
    lengths: dict[str, int] = {}
    made = []
    for name in space.dims:
        choices = list(space.choices(name, lengths))
        lengths[name] = example.lengths[name]
        made.append((choices.index(lengths[name]), len(choices)))
    made += [(list(rungs).index(example.rung), len(rungs)), (example.seed, SEEDS)]
    return [number for number, count in made if count > 1]


@value
class Database:
    """Where the failing examples of one cell are kept between local runs."""

    store: ExampleDatabase
    key: bytes

    def examples(self, space: Space, rungs: Sequence[str]) -> list[Example]:
        """Return what was kept; what cannot be read, or is no example of this space any more, is left out."""
        from hypothesis.database import choices_from_bytes

        found = []
        for stored in sorted(self.store.fetch(self.key)):
            example = _made(space, rungs, choices_from_bytes(stored))
            if example is not None:
                found.append(example)
        return found

    def keep(self, space: Space, rungs: Sequence[str], example: Example) -> None:
        """Keep a failing example, and no other."""
        from hypothesis.database import choices_to_bytes

        self.forget()
        self.store.save(self.key, choices_to_bytes(_choices(space, rungs, example)))

    def forget(self) -> None:
        """Remove what was kept: it holds again."""
        for stored in list(self.store.fetch(self.key)):
            self.store.delete(self.key, stored)


def _made(space: Space, rungs: Sequence[str], choices: Any) -> Example | None:
    """Return the example that choices stand for, None where they stand for none."""
    left = list(choices or ())

    def one(options: Sequence[Any]) -> Any:
        return options[0] if len(options) == 1 else options[left.pop(0)]

    try:
        lengths: dict[str, int] = {}
        for name in space.dims:
            lengths[name] = one(list(space.choices(name, lengths)))
        example = Example(lengths=lengths, rung=one(list(rungs)), seed=one(range(SEEDS)))
    except (IndexError, TypeError):
        return None
    return example if not left and space.holds(example.lengths) else None


def database_below(folder: Path, key: bytes) -> tuple[Database | None, str]:
    """Return the database of failing examples in ``folder``, or None and why there is none: it can neither be read nor written."""
    from hypothesis.database import DirectoryBasedExampleDatabase

    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError("it cannot be read and written")
        database = Database(store=DirectoryBasedExampleDatabase(folder), key=key)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            list(database.store.fetch(key))
    except (OSError, Warning) as error:
        return None, f"the database of failing examples at {folder} is not used: {error}; move it away and it is made anew"
    return database, ""
