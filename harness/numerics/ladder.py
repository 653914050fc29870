"""The input ladder: named inputs that each reveal another kind of difference, and the shapes that do.

A rung is offered for a case only where one of its inputs admits it; the values stay inside the declared domain
(`normal` scales a rung, `uniform` bounds it, whole numbers, ids, masks and probabilities keep their set).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from harness.core.case import Case
from harness.core.errors import UsageError, unknown
from harness.core.space import space_of
from harness.core.value import value
from harness.numerics import rungs
from harness.numerics.sampling import Sample, draw

STANDINGS = ("core", "edge", "special", "beyond")
LONGEST = 64
"""A declared upper end is tried as a shape when it is at most this long, or at most twice the example."""


@value
class Rung:
    """One kind of input. ``tells`` says which differences it shows.

    ``standing``: ``core`` holds numbers that an ordinary model must handle, a mismatch there counts; ``edge`` holds
    extreme but finite ones, a mismatch counts where the source itself is `harness.numerics.meaning.meaningful`;
    ``special`` holds NaN, infinities, denormals and signed zeros, judged in a channel of their own; ``beyond``
    leaves the declared domain (an attention mask without any kept position) and is drawn only when asked for.
    """

    name: str
    tells: str
    standing: str


def _named(standing: str, **tells: str) -> list[Rung]:
    return [Rung(name=name, tells=text, standing=standing) for name, text in tells.items()]


# What shows most for one run comes first.
_ALL = (
    *_named(
        "core",
        normal="what the declared domain ordinarily holds",
        large="30 times the ordinary magnitude, or the two ends of a bounded domain: relu6, hard activations, sigmoid tails, exp at 89",
        thresholds="half-integers, 3 and 6, all exact: rounding modes, comparisons with and without equality, clips",
    ),
    *_named("edge", small="a thousandth of the ordinary magnitude: epsilons in denominators, log1p and expm1 in their naive form"),
    *_named("edge", low_variance="mean over deviation 1000, the last row constant: the epsilon of a normalisation, one-pass variance"),
    *_named(
        "core",
        last="the greatest id or number everywhere: tables off by one, vocabulary bounds",
        first="the least id or number everywhere: the padding row",
        padded="each row of ids ends in the padding id 0",
        repeated="one id in each whole row: scatter, deduplication",
        full="a mask that keeps everything",
        short="a mask that keeps one position of each row: everything else must not leak in",
        mixed_signs="small whole numbers of both signs: floor against truncated division, remainder against fmod",
        ends="both ends of a range of whole numbers: narrowed integers, overflow",
        beyond_float32="whole numbers from 2^24 + 1: an integer that passes through float32",
        beyond_int32="whole numbers from 2^31 + 5: an int64 that passes through int32",
        heavy_tailed="log-normal magnitudes of both signs: quantisation ranges, the order of sums, slopes far from zero",
        one_hot="one value in each row, zero elsewhere: transposed or permuted axes, uneven padding",
    ),
    *_named("edge", offset="a common offset of 100: softmax without its maximum subtracted, variance as a difference of squares"),
    *_named(
        "core",
        zeros="all zero: biases, constants, a division by a sum",
        alternating="a chequerboard of two values: padding and stride by one, axes swapped",
        even="equal probabilities: ties",
        ones="the same number everywhere: sums and counts, padding included in a mean",
    ),
    *_named(
        "edge",
        near_ties="duplicates and values a few ulps apart, also around thresholds: argmax, top-k, sort, stable or not",
        near_zero="probabilities down to 1e-12: logarithms, clamps",
        saturating="magnitudes from 10 to 1e5: overflow, clip bounds, -1e4 for minus infinity",
    ),
    *_named(
        "special",
        nans="a few NaN: swallowed by max, relu, clip, or spread",
        infinities="a few infinities of both signs: clip with one bound, 0 * inf, masks",
        signed_zeros="zeros of both signs among ordinary values: 1/x, atan2, copysign",
        denormals="magnitudes below the smallest normal number: flushed to zero",
    ),
    *_named(
        "beyond",
        empty_row="a mask of which one row keeps nothing: softmax over no position",
        all_masked="a mask that keeps nothing",
    ),
)
RUNGS: Mapping[str, Rung] = MappingProxyType({rung.name: rung for rung in _ALL})
"""Every rung by name, in order of what it shows for its cost."""


def rungs_for(case: Case, framework: str, *, standings: Iterable[str] = ("core", "edge", "special")) -> list[str]:
    """Return the rungs that at least one input of the case admits: ``normal`` first, then by what they show for their cost.

    ``standings`` picks among `STANDINGS`; ``beyond`` is left out unless asked for. Raises `UsageError` for another word.
    """
    wanted = tuple(standings)
    for standing in wanted:
        if standing not in STANDINGS:
            raise unknown("standing", standing, STANDINGS)
    specs = case.specs(framework)
    offered = [name for name, rung in RUNGS.items() if rung.standing in wanted and any(rungs.admits(name, spec) for spec in specs)]
    return ["normal", *offered]


def rungs_among(case: Case, framework: str, names: Iterable[str]) -> list[str]:
    """Return the rungs beside ``normal`` that the case offers and that are among ``names``, by their own or by their standing."""
    wanted = set(names)
    return [name for name in rungs_for(case, framework, standings=STANDINGS)[1:] if {name, RUNGS[name].standing} & wanted]


def draw_rung(case: Case, framework: str, lengths: Mapping[str, int], rung: str, seed: int = 0) -> Sample:
    """Return the sample of ``case`` at a rung: inputs that admit it are at it, every other one is as at ``normal``.

    A pure function of case id, input names, shapes, rung and seed. Raises `UsageError` for a name that is no rung,
    a rung that no input of the case admits, or a length outside its declared range.
    """
    if rung not in RUNGS:
        raise unknown("rung", rung, RUNGS)
    if rung != "normal" and not any(rungs.admits(rung, spec) for spec in case.specs(framework)):
        offered = rungs_for(case, framework, standings=STANDINGS)
        raise UsageError(f"case {case.id!r} has no input that admits rung {rung!r}; it offers {', '.join(offered)}")
    return draw(case, framework, lengths, rung=rung, seed=seed)


def rungs_of_shape(case: Case, framework: str) -> list[dict[str, int]]:
    """Return the dimension lengths worth trying, each once: the example first, then by what they show for their cost.

    All axes at once: distinct primes, an even length and the odd one after it, the same length everywhere, the low
    and the high end (the latter up to `LONGEST` or twice the example). One axis at a time, as exporters specialise
    each by itself: 1, then 0. Every combination is admissible in the case's `harness.core.space.Space`, the nearest
    one where relations or profiles leave out what was meant; a case without dynamic axes has one, empty.
    """
    space = space_of(case, framework)
    short = {name: _short(space.choices(name, {}), example) for name, example in space.example.items()}
    example = dict(space.example)
    together = [
        _primes(short, example), {name: _even(few, example[name]) for name, few in short.items()},
        {name: _odd(few, example[name]) for name, few in short.items()}, _equal(short, example),
        {name: max(1, few[0]) for name, few in short.items()},
        {name: few[-1] if few[-1] == space.ends(space.dims[name])[1] else example[name] for name, few in short.items()},
    ]  # fmt: skip
    alone = [space.complete({name: n}) for n in (1, 0) for name, few in short.items() if n in few]
    found: list[dict[str, int]] = []
    for lengths in (example, *(space.nearest(wanted) for wanted in together), *alone):
        if lengths is not None and lengths not in found and all(n in short[name] for name, n in lengths.items()):
            found.append(lengths)
    return found


def _short(lengths: Sequence[int], example: int) -> list[int]:
    """Return the lengths that cost little, ascending; at least one."""
    few = [n for n in lengths if n <= max(LONGEST, 2 * example)]
    return few or [example]


def _even(few: Sequence[int], example: int) -> int:
    return next((n for n in few if n >= 4 and n % 2 == 0), example)


def _odd(few: Sequence[int], example: int) -> int:
    """Return the odd length after the even one, any odd one above 1 otherwise."""
    after = _even(few, example) + 1
    return after if after % 2 and after in few else next((n for n in few if n > 1 and n % 2), example)


def _primes(short: Mapping[str, Sequence[int]], example: Mapping[str, int]) -> dict[str, int]:
    """Return a prime length for each axis, no two alike where the ranges allow."""
    found: dict[str, int] = {}
    for name, few in short.items():
        prime = [n for n in few if n > 2 and all(n % k for k in range(2, int(n**0.5) + 1))]
        unused = [n for n in prime if n not in found.values()]
        rest = sorted((n for n in few if n != example[name]), key=lambda n: (n < 2, n % 2 == 0, n))
        found[name] = (unused or prime or rest or [example[name]])[0]
    return found


def _equal(short: Mapping[str, Sequence[int]], example: Mapping[str, int]) -> dict[str, int]:
    """Return one length, above 1, for every axis; the example where they have none in common."""
    common = set.intersection(*map(set, short.values())) if short else set()
    length = min((n for n in common if n > 2), default=max(common, default=0))
    return {name: length if length > 1 else example[name] for name in short}
