"""``acl``: what is checked because pyACL checks nothing, every kind of shape, and that all is given back, in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from om_fakes import FAKES, forget
from om_parts import compiled, feeds_at, truth

from harness.core.errors import Unavailable, UsageError
from harness.core.protocols import option_values
from harness.runtimes._acl import AclError
from harness.runtimes.acl import Acl, AclSession


@pytest.fixture
def acl(cann: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The stand-in for pyACL in this process, as if just installed."""
    monkeypatch.syspath_prepend(str(FAKES / "site"))
    forget("acl")
    import acl

    yield acl
    forget("acl")


def loaded(name: str, folder: Path, runtime: dict[str, str] | None = None, **given: Any) -> AclSession:
    return Acl().load(compiled(name, folder, **given), "npu", option_values(Acl(), runtime or {}, "here"))


KINDS = {
    "static": ("static", {}, [{}]),
    "batch": ("batches", {}, [{"batch": 1}, {"batch": 4}, {"batch": 2}]),
    "image size": ("images", {}, [{"H": 8, "W": 10}, {"H": 12, "W": 8}]),
    "dims": ("tokens", {}, [{"batch": 1, "seq": 8}, {"batch": 4, "seq": 3}]),
    "range": ("tokens", {"shapes": "range"}, [{"batch": 2, "seq": 5}, {"batch": 4, "seq": 8}]),
    "open": ("batches", {"shapes": "open"}, [{"batch": 4}]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_shape_gives_the_right_numbers_and_all_is_given_back(kind: str, acl: Any, tmp_path: Path) -> None:
    name, given, tried = KINDS[kind]
    session = loaded(name, tmp_path, **given)
    for lengths in tried:
        feeds = feeds_at(name, **lengths)
        found = session.run(feeds)
        for index, expected in enumerate(truth(name, tmp_path, feeds)):
            np.testing.assert_allclose(found[str(index)], expected, rtol=1e-5, atol=1e-6)
        assert acl.left().keys() <= {"Desc", "models", "context"}, "a run keeps nothing"
    session.close()
    session.close()
    assert acl.left() == {}


def test_memory_that_is_not_given_back_is_seen(acl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = loaded("static", tmp_path)
    monkeypatch.setattr("harness.runtimes._acl.Held.back", lambda held, acl, call, release, *what: None)
    session.run(feeds_at("static"))
    assert acl.left()["device"] == 3
    with pytest.raises(AclError, match=r"rt.destroy_context or rt.reset_device returned 100000"):
        session.close()


@pytest.mark.parametrize(("dtype", "size"), [("int32", "same bytes"), ("float64", "more"), ("float16", "fewer")])
def test_a_feed_of_another_type_is_refused_since_pyacl_would_take_it(dtype: str, size: str, acl: Any, tmp_path: Path) -> None:
    session = loaded("static", tmp_path)
    feeds = {"x": feeds_at("static")["x"].astype(dtype)}
    with pytest.raises(UsageError, match=f"input x is {dtype}, and the .om takes float32"):
        session.run(feeds)


def test_without_that_check_bytes_of_another_type_are_quietly_wrong(acl: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.runtimes._acl.checked", lambda port, feed: feed)
    session = loaded("static", tmp_path)
    feeds = feeds_at("static")
    found = session.run({"x": (feeds["x"] * 10).astype("int32")})
    assert not np.allclose(found["1"], truth("static", tmp_path, {"x": np.trunc(feeds["x"] * 10)})[1])


def test_a_feed_that_is_not_contiguous_goes_over_as_it_is_meant(acl: Any, tmp_path: Path) -> None:
    session = loaded("static", tmp_path)
    plain = feeds_at("static")["x"]
    view = np.asfortranarray(plain)
    assert not view.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(session.run({"x": view})["1"], session.run({"x": plain})["1"])


@pytest.mark.parametrize(
    ("name", "given", "lengths", "said"),
    [
        ("batches", {}, {"batch": 3}, r"3 is none of the profiles 1; 2; 4 that the .om has"),
        ("images", {}, {"H": 9, "W": 8}, r"9,8 is none of the profiles"),
        ("tokens", {}, {"batch": 3, "seq": 3}, r"3,3,3,3 is none of the profiles"),
        ("static", {}, {"batch": 3}, r"the shape \(3, 6\), and the .om takes \(2, 6\)"),
    ],
)
def test_lengths_that_were_not_compiled_are_told(
    name: str, given: dict[str, str], lengths: dict[str, int], said: str, acl: Any, tmp_path: Path
) -> None:
    session = loaded(name, tmp_path, **given)
    shape = {"batches": (3, 6), "static": (3, 6), "images": (1, 3, 9, 8), "tokens": (3, 3)}[name]
    feeds = {key: np.zeros(shape, array.dtype) for key, array in feeds_at(name).items()}
    with pytest.raises(UsageError, match=said):
        session.run(feeds)


def test_a_length_outside_the_range_is_pyacl_s_own_error_by_name(acl: Any, tmp_path: Path) -> None:
    session = loaded("batches", tmp_path, shapes="range")
    with pytest.raises(AclError, match=r"mdl.execute returned 100017: an input does not match the model"):
        session.run({"x": np.zeros((5, 6), np.float32)})
    session.close()
    assert acl.left() == {}, "an error in the middle of a run keeps nothing either"


def test_an_output_without_room_says_how_to_get_it(acl: Any, tmp_path: Path) -> None:
    session = loaded("batches", tmp_path, {"output_bytes": "16"}, shapes="range")
    with pytest.raises(AclError, match="100018: an output does not match"):
        session.run(feeds_at("batches", batch=4))


def test_a_missing_input_is_named(acl: Any, tmp_path: Path) -> None:
    session = loaded("tokens", tmp_path)
    with pytest.raises(UsageError, match=r"takes 2 inputs \(x_ids, x_mask\), and was given x_ids"):
        session.run({"x_ids": feeds_at("tokens")["x_ids"]})


def test_a_file_that_is_no_om_is_told_and_the_device_is_left(acl: Any, tmp_path: Path) -> None:
    source = compiled("static", tmp_path)
    Path(source.artifact.entry).write_bytes(b"nothing of the kind")
    with pytest.raises(AclError, match="mdl.load_from_file returned 100003: the file is invalid"):
        Acl().load(source, "npu", option_values(Acl(), {}, "here"))
    assert acl.left() == {}


def test_a_device_that_is_not_there_is_told(acl: Any, tmp_path: Path) -> None:
    with pytest.raises(AclError, match="rt.set_device returned 107001"):
        loaded("static", tmp_path, {"device_id": "4"})


def test_two_sessions_at_once_share_the_device_until_the_last_leaves(acl: Any, tmp_path: Path) -> None:
    Acl().probe("npu")
    Acl().probe("npu")
    first, second = loaded("static", tmp_path / "a"), loaded("batches", tmp_path / "b")
    feeds = feeds_at("static")
    expected = first.run(feeds)["1"]
    second.run(feeds_at("batches", batch=4))
    second.close()
    np.testing.assert_array_equal(first.run(feeds)["1"], expected)
    first.close()
    assert acl.left() == {}


def test_another_module_of_that_name_is_not_taken_for_pyacl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acl.py").write_text("allow = deny = None\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    forget("acl")
    with pytest.raises(Unavailable, match="is not Huawei's pyACL"):
        Acl().probe("npu")
    forget("acl")


def test_a_driver_that_is_missing_is_told_apart_from_a_missing_toolkit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acl.py").write_text("raise ImportError('libascend_hal.so: cannot open shared object file')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    forget("acl")
    with pytest.raises(Unavailable, match="install the driver"):
        Acl().probe("npu")


def test_without_the_stand_in_there_is_no_npu() -> None:
    forget("acl")
    with pytest.raises(Unavailable, match="pyACL cannot be imported"):
        Acl().probe("npu")
