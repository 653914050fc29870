"""Every admitted pair of values occurs in a covering array: proven by brute force on drawn attributes and rules."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.generate.pairwise import covering


def pairs(rows: list[dict[str, int]]) -> set[tuple[tuple[str, int], ...]]:
    return {pair for row in rows for pair in itertools.combinations(sorted(row.items()), 2)}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=2, max_size=5), st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=4))
def test_every_admitted_pair_occurs(sizes: list[int], forbidden: set[tuple[int, int]]) -> None:
    attributes = {"abcde"[number]: list(range(size)) for number, size in enumerate(sizes)}
    whole = [dict(zip(attributes, row)) for row in itertools.product(*attributes.values()) if row[:2] not in forbidden]
    rules = [lambda a, b: (a, b) not in forbidden]
    if not whole:
        with pytest.raises(UsageError, match="no combination"):
            covering(attributes, rules)
        return
    if (0, 0) in forbidden:
        assert covering(attributes, rules)[0] in whole
    rows = covering(attributes, rules)
    assert all(row in whole for row in rows)
    assert pairs(rows) == pairs(whole)
    assert rows == covering(attributes, rules)


def test_the_first_row_is_all_defaults() -> None:
    assert covering({"a": ["x", "y"], "b": [1, 2, 3]})[0] == {"a": "x", "b": 1}


def test_it_is_near_minimal() -> None:
    """The least possible is the product of the two largest attributes; AETG itself needs about fifteen."""
    attributes = {name: list(range(3)) for name in "abcdefgh"}
    assert 9 <= len(covering(attributes)) <= 20 < math.prod(map(len, attributes.values()))


def test_one_attribute_has_each_value_once() -> None:
    assert covering({"a": [1, 2, 3]}) == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert covering({}) == []


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(UsageError, match="'a' has no values"):
        covering({"a": []})
    with pytest.raises(UsageError, match="reads the attribute 'z', which is not swept; swept are a"):
        covering({"a": [1]}, [lambda z: True])
