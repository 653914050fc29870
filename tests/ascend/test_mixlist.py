"""The file of ``--modify_mixlist``: what is written is what ATC documents, and what it would not take is refused."""

from __future__ import annotations

import json

import pytest

from harness.ascend.mixlist import Mixlist, mixlist_of, read
from harness.core.errors import UsageError


def test_it_is_written_in_the_documented_grammar() -> None:
    made = Mixlist(black=("SoftmaxV2", "Add"), white=("Mul",))
    assert json.loads(made.text()) == {"black-list": {"to-add": ["Add", "SoftmaxV2"]}, "white-list": {"to-add": ["Mul"]}}
    assert json.loads(Mixlist(black=("Add",)).text()) == {"black-list": {"to-add": ["Add"]}}


def test_it_is_read_as_it_was_written() -> None:
    made = Mixlist(black=("Add", "SoftmaxV2"), white=("Mul",))
    assert read(made.text(), "here") == made


def test_what_a_list_has_anyway_is_not_added() -> None:
    made = mixlist_of(["Pow", "Add"], ["Pow", "Add", "Mul", "MatMulV2", "ReduceSum"])
    assert made == Mixlist(black=("Add",), white=("Mul", "ReduceSum"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "ops.json is no JSON"),
        ("[]", "expected the lists black-list and white-list"),
        ("{}", "expected the lists"),
        ('{"blacklist": {}}', "expected the lists"),
        ('{"gray-list": {"to-add": []}}', "expected the lists"),
        ('{"black-list": ["Add"]}', "expected the changes to-add and to-remove"),
        ('{"black-list": {"add": ["Add"]}}', "expected the changes"),
        ('{"black-list": {"to-add": "Add"}}', "expected a list of Ascend operator types"),
        ('{"black-list": {"to-add": ["a/b"]}}', "expected a list of Ascend operator types"),
        ('{"black-list": {"to-add": ["Add"]}, "white-list": {"to-add": ["Add"]}}', "Add is added to both lists"),
        ('{"black-list": {"to-remove": ["Add"]}}', "Add is not on the black-list, so it cannot be removed"),
        ('{"white-list": {"to-remove": ["Conv2D"]}}', "to-remove is not emulated"),
    ],
)
def test_what_atc_would_not_take_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(text, "ops.json")
