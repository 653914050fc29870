"""The ladder: every rung is a function of its key, lies in the declared domain, and is what its name says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.spec import Dim, Domain, TensorSpec, ids, integers, mask, normal, positions, probability, uniform
from harness.core.weights import jitter
from harness.numerics import rungs
from harness.numerics.ladder import RUNGS, STANDINGS, draw_rung, rungs_for, rungs_of_shape
from harness.numerics.rungs_real import SHARE
from harness.numerics.sampling import draw

ROOT = Path(__file__).resolve().parents[2]
N, K = Dim("n", 1, 8), Dim("k", 4, 64, multiple=4)
LENGTHS = {"n": 4, "k": 16}
DOMAINS: dict[str, tuple[str, Domain]] = {
    "real": ("float32", normal()),
    "scaled": ("float32", normal(0.02)),
    "half": ("float16", normal(3.0)),
    "brain": ("bfloat16", normal()),
    "signed": ("float64", uniform(-1.0, 0.3)),
    "image": ("float32", uniform(0.0, 255.0)),
    "away": ("float32", uniform(0.1, 0.7)),
    "below": ("float16", uniform(-5.0, -0.1)),
    "whole": ("int64", integers(-3, 3)),
    "wide": ("int64", integers(-(2**40), 2**40)),
    "single": ("int32", integers(0, 2**31 - 1)),
    "gear": ("float32", integers(1, 4)),
    "tokens": ("int32", ids(50)),
    "kept": ("bool", mask()),
    "weight": ("float32", mask()),
    "chance": ("float32", probability()),
    "place": ("int64", positions()),
}
SPECS = {name: TensorSpec(name=name, dtype=dtype, shape=(N, K), domain=domain) for name, (dtype, domain) in DOMAINS.items()}


def case_of(*names: str) -> Case:
    return Case(id="ladder", inputs=tuple(SPECS[name] for name in names), build={"onnx": int})


def drawn(name: str, rung: str, lengths: Mapping[str, int] = LENGTHS, seed: int = 0) -> Any:
    """Return one input at a rung, as float64 or as whole numbers."""
    array = draw_rung(case_of(name), "onnx", lengths, rung, seed).feeds[name]
    return array.astype(np.float64) if array.dtype.kind not in "iub" else array


OFFERED = [(name, rung) for name in SPECS for rung in rungs_for(case_of(name), "onnx", standings=STANDINGS)]


def test_the_ordinary_rung_keeps_its_bytes() -> None:
    """Caches are named by these bytes; a change here makes every one of them stale."""
    case = Case(
        id="everything",
        inputs=(
            TensorSpec(name="real", dtype="float32", shape=(N, K), domain=normal(2.0)),
            TensorSpec(name="flat", dtype="float64", shape=(N, 3), domain=uniform(-1.0, 0.5)),
            TensorSpec(name="whole", dtype="int64", shape=(N, K), domain=integers(-3, 3)),
            TensorSpec(name="tokens", dtype="int32", shape=(N, K), domain=ids(50)),
            TensorSpec(name="kept", dtype="bool", shape=(N, K), domain=mask()),
            TensorSpec(name="chance", dtype="float32", shape=(N, K), domain=probability()),
            TensorSpec(name="place", dtype="int64", shape=(N, K), domain=positions()),
        ),
        build={"onnx": int},
    )
    lengths = {"n": 2, "k": 4}
    first = "40eaed7165c13521f70a376d12cef46ea90d1885de130e2c451ef3f2911e4788"
    third = "98415bafc4602abc9c753ef595e47b47871b54f18405438ded899459775e8fc5"
    assert draw(case, "onnx", lengths).digest == draw_rung(case, "onnx", lengths, "normal").digest == first
    assert draw(case, "onnx", lengths, seed=3).digest == draw_rung(case, "onnx", lengths, "normal", 3).digest == third


def test_a_rung_is_the_same_in_another_process() -> None:
    script = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]\n"
        "from test_ladder import OFFERED, drawn\nimport hashlib\n"
        "print(hashlib.sha256(b''.join(drawn(*pair).tobytes() for pair in OFFERED)).hexdigest())"
    )
    found = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize(("name", "rung"), OFFERED)
def test_a_rung_has_the_declared_shape_and_stays_in_its_domain(name: str, rung: str) -> None:
    spec = SPECS[name]
    domain = spec.domain
    assert domain is not None
    for lengths in (LENGTHS, {"n": 1, "k": 4}):
        array = draw_rung(case_of(name), "onnx", lengths, rung).feeds[name]
        assert (array.dtype.name, array.shape) == (spec.dtype, spec.concrete(lengths))
        assert not array.flags.writeable
        values = array.astype(np.float64)
        if RUNGS[rung].standing in ("core", "edge"):
            assert np.isfinite(values).all()
        if rung == "normal" or RUNGS[rung].standing == "beyond":
            continue
        if domain.kind in ("uniform", "integers"):
            assert domain.low <= values.min()
            assert values.max() <= domain.high
        if domain.kind == "integers":
            assert (values == np.floor(values)).all()
        if domain.kind == "ids":
            assert values.min() >= 0
            assert values.max() < domain.high
        if domain.kind == "mask":
            assert (np.diff(values) <= 0).all()
            assert values[..., 0].all()
        if domain.kind == "probability":
            assert np.allclose(values.sum(-1), 1.0, atol=1e-6)
            assert (values >= 0).all()


@pytest.mark.parametrize(("name", "rung"), [pair for pair in OFFERED if pair[1] != "normal"])
def test_a_rung_holds_other_values_than_the_ordinary_one(name: str, rung: str) -> None:
    assert not np.array_equal(drawn(name, rung), drawn(name, "normal"), equal_nan=True)


def test_every_rung_is_offered_somewhere_and_described() -> None:
    assert {rung for _, rung in OFFERED} == set(RUNGS)
    for name, rung in RUNGS.items():
        assert (rung.name, rung.standing in STANDINGS) == (name, True)
        assert rung.tells


def test_which_rungs_a_domain_admits() -> None:
    def offered(name: str) -> set[str]:
        return set(rungs_for(case_of(name), "onnx"))

    assert rungs_for(case_of("real"), "onnx")[:3] == ["normal", "large", "thresholds"]
    assert {"infinities", "nans", "saturating"}.isdisjoint(offered("image"))
    assert {"zeros", "ones", "denormals"} <= offered("image")
    assert {"zeros", "ones", "denormals", "signed_zeros"}.isdisjoint(offered("away"))
    assert {"mixed_signs", "zeros", "first", "last", "ends"} <= offered("whole")
    assert {"beyond_float32", "beyond_int32"}.isdisjoint(offered("whole"))
    assert {"beyond_float32", "beyond_int32"} <= offered("wide")
    assert offered("single") & {"beyond_float32", "beyond_int32"} == {"beyond_float32"}
    assert offered("kept") == {"normal", "full", "short"}, "a mask that keeps nothing is beyond the domain"
    assert set(rungs_for(case_of("kept"), "onnx", standings=STANDINGS)) == {"normal", "full", "short", "empty_row", "all_masked"}
    assert offered("place") == {"normal"}
    assert set(rungs_for(case_of("real"), "onnx", standings=["special"])) == {
        "normal", "nans", "infinities", "signed_zeros", "denormals",
    }  # fmt: skip


def test_a_number_type_that_cannot_be_fractional_has_no_real_rungs() -> None:
    case = Case(id="c", inputs=(TensorSpec(name="x", dtype="int32", shape=(4,), domain=uniform(0.0, 9.0)),), build={"onnx": int})
    assert rungs_for(case, "onnx") == ["normal"]


def test_inputs_that_do_not_admit_a_rung_stay_as_they_ordinarily_are() -> None:
    case = case_of("real", "tokens", "kept")
    ordinary, large = (draw_rung(case, "onnx", LENGTHS, rung).feeds for rung in ("normal", "large"))
    assert not np.array_equal(ordinary["real"], large["real"])
    assert np.array_equal(ordinary["tokens"], large["tokens"])
    assert np.array_equal(ordinary["kept"], large["kept"])


def test_what_the_real_rungs_hold() -> None:
    assert not drawn("real", "zeros").any()
    assert (drawn("scaled", "ones") == np.float32(0.02 * SHARE)).all()
    assert (drawn("image", "ones") == SHARE).all()
    ones = drawn("real", "ones", {"n": 8, "k": 64})
    assert (np.add.accumulate(ones.reshape(-1)) == SHARE * np.arange(1, 513)).all(), "sums are exact"
    assert (jitter("x", ones, "float32", seed=1) != ones).all(), "and yet it is taken to carry rounding"
    assert 1e-4 < np.abs(drawn("real", "small")).mean() < 1e-2
    assert 20 < drawn("real", "large").std() < 40
    assert set(np.unique(drawn("image", "large"))) > {0.0, 255.0}
    assert np.abs(drawn("real", "saturating")).max() > 1e4
    assert np.isfinite(drawn("half", "saturating")).all(), "16 bits hold nothing above 65504"
    heavy = np.abs(drawn("real", "heavy_tailed", {"n": 8, "k": 64}))
    assert heavy.max() > 20 * np.median(heavy)
    chosen = drawn("real", "thresholds", {"n": 8, "k": 64})
    assert {0.5, 1.5, 2.5, 3.0, 6.0, -0.5, -3.0} <= set(chosen.reshape(-1))
    assert (chosen * 2 == np.floor(chosen * 2)).all(), "exact, each of them"
    assert {0.0, 0.5, 3.0, 255.0} & set(drawn("image", "thresholds").reshape(-1))
    assert set(np.unique(drawn("real", "alternating"))) == {-SHARE, SHARE}
    assert set(np.unique(drawn("image", "alternating"))) == {127.5 * (1 - SHARE), 127.5 * (1 + SHARE)}
    assert (np.count_nonzero(drawn("real", "one_hot"), axis=-1) == 1).all()
    assert abs(drawn("real", "offset").mean() - 100) < 1


def test_rows_of_low_variance_and_near_ties() -> None:
    rows = drawn("real", "low_variance")
    ratio = rows[:-1].mean(-1) / rows[:-1].std(-1)
    assert ((ratio > 500) & (ratio < 2500)).all()
    assert rows[-1].std() == 0
    assert drawn("real", "low_variance", {"n": 1, "k": 16}).std() > 0, "a lone row is not the constant one"
    ties = np.sort(drawn("real", "near_ties").reshape(-1))
    gaps = np.diff(ties) / np.abs(ties[1:])
    assert (gaps == 0).any()
    near = drawn("real", "near_ties", {"n": 8, "k": 64})
    assert ((near * 2 != np.floor(near * 2)) & (np.abs(near * 2 - np.round(near * 2)) < 1e-6 * np.abs(near))).any(), "beside thresholds"
    assert ((gaps > 0) & (gaps < 5e-7)).any()


def test_the_special_rungs_hold_what_they_say_among_ordinary_values() -> None:
    found = drawn("real", "infinities")
    assert np.isposinf(found).any()
    assert np.isneginf(found).any()
    assert np.isfinite(found).mean() > 0.8
    assert 0 < np.isnan(drawn("real", "nans")).mean() < 0.2
    for name, tiny in (("real", 2**-126), ("half", 2**-14), ("brain", 2**-126)):
        found = np.abs(drawn(name, "denormals"))
        assert (found > 0).all()
        assert (found < tiny).all()
    zero = drawn("real", "signed_zeros")
    assert {bool(sign) for sign in np.signbit(zero[zero == 0])} == {True, False}


def test_what_ids_whole_numbers_masks_and_probabilities_hold() -> None:
    assert (drawn("tokens", "first") == 0).all()
    assert (drawn("tokens", "last") == 49).all()
    assert (np.ptp(drawn("tokens", "repeated"), axis=-1) == 0).all()
    assert (drawn("tokens", "padded")[:, -1] == 0).all()
    assert set(np.sign(drawn("whole", "mixed_signs")).reshape(-1)) == {-1, 1}
    assert set(drawn("whole", "ends").reshape(-1)) == {-3, 3}
    for rung, least in (("beyond_float32", 2**24 + 1), ("beyond_int32", 2**31 + 5)):
        assert np.abs(drawn("wide", rung)).min() >= least
        assert {-1, 1} == set(np.sign(drawn("wide", rung)).reshape(-1))
    assert drawn("kept", "full").all()
    assert (drawn("kept", "short").sum(-1) == 1).all()
    assert (drawn("kept", "empty_row").sum(-1) == 0).sum() == 1
    assert not drawn("weight", "all_masked").any()
    assert (drawn("chance", "even") == 1 / 16).all()
    assert (drawn("chance", "one_hot").max(-1) == 1).all()
    least = drawn("chance", "near_zero")
    assert 0 < least.min() < 1e-8


@pytest.mark.parametrize("rung", [rung for rung in RUNGS if rung != "beyond"])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0), (1, 1, 1)], ids=str)
def test_every_rung_takes_every_shape(rung: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    for spec in SPECS.values():
        if rungs.admits(rung, spec):
            assert np.shape(rungs.values(rung, spec, shape, rng)) == shape


def test_what_is_no_rung_here_is_told() -> None:
    with pytest.raises(UsageError, match="unknown rung 'lrage'; did you mean large"):
        draw_rung(case_of("real"), "onnx", LENGTHS, "lrage")
    with pytest.raises(UsageError, match="no input that admits rung 'padded'; it offers normal, large"):
        draw_rung(case_of("real"), "onnx", LENGTHS, "padded")
    with pytest.raises(UsageError, match="unknown standing 'odd'"):
        rungs_for(case_of("real"), "onnx", standings=["odd"])
    with pytest.raises(UsageError, match="dimension n = 9 lies outside"):
        draw_rung(case_of("real"), "onnx", {"n": 9, "k": 4}, "large")


def shapes(*dims: Dim) -> list[tuple[int, ...]]:
    """Return the lengths that are tried, in the order of ``dims``."""
    case = Case(id="c", inputs=(TensorSpec(name="x", dtype="float32", shape=dims),), build={"onnx": int})
    return [tuple(lengths[dim.name] for dim in dims) for lengths in rungs_of_shape(case, "onnx")]


def test_the_rungs_of_shape() -> None:
    found = shapes(Dim("batch", 0, 64), Dim("height", 1, 32, example=8))
    assert found[:3] == [(2, 8), (3, 5), (4, 4)]
    assert {(5, 5), (64, 32), (1, 8), (2, 1), (0, 8)} <= set(found), "odd, high, size one and empty"
    assert any(a == b > 2 for a, b in found)
    assert len(set(found)) == len(found)


def test_the_rungs_of_shape_keep_to_what_is_admissible() -> None:
    assert shapes() == [()]
    assert shapes(Dim("k", 3, 3)) == [(3,)]
    assert shapes(Dim("gear", allowed=(1, 2, 4, 8))) == [(2,), (4,), (1,), (8,)]
    assert max(max(row) for row in shapes(Dim("n", 1, 10**6), Dim("k", 64, 4096, multiple=64))) <= 128
    for row in shapes(Dim("n", 2, 9), Dim("k", 6, 30, multiple=6)):
        assert 2 <= row[0] <= 9
        assert row[1] % 6 == 0


def test_the_rungs_of_shape_keep_to_relations_and_profiles() -> None:
    s, t = Dim("S", 1, 20), Dim("T", 1, 64)

    def tried(**more: Any) -> list[tuple[int, ...]]:
        case = Case(id="c", inputs=(TensorSpec(name="x", dtype="float32", shape=(s, t)),), build={"onnx": int}, **more)
        return [tuple(lengths.values()) for lengths in rungs_of_shape(case, "onnx")]

    found = tried(relations=("T == 2*S + 1",))
    assert found == [(2, 5), (3, 7), (4, 9), (5, 11), (1, 3), (20, 41)]
    assert tried(profiles=({"S": 8, "T": 3}, {"S": 2, "T": 16})) == [(8, 3), (2, 16)]
    assert all(a <= b for a, b in tried(relations=("S <= T",)))


def test_three_axes_of_distinct_primes() -> None:
    assert (3, 5, 7) in shapes(Dim("a"), Dim("b"), Dim("c"))
