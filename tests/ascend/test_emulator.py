"""Graphs in the types of a mode: planted overflow is found and named, and what is not lowered agrees with float64."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from harness.core.errors import UsageError
from tests.ascend.graphs import feeds, normalised, parsed, session, squares, studied, with_weights

HUNDRED = {"x": np.full((2, 64), 100.0, np.float32)}


def row(answer: Any, op: str) -> Any:
    return next(row for row in answer["rows"] if row["op"] == op)


def test_a_sum_of_squares_becomes_infinite_and_is_named() -> None:
    answer = studied(squares(), HUNDRED, "force_fp16")
    assert answer["drift"]["y"] == np.inf
    assert [row["op"] for row in answer["rows"] if row["overflow"]] == ["ReduceSum"], "the product, 10000, and the root are innocent"
    assert row(answer, "ReduceSum")["own"] == np.inf
    assert row(answer, "Mul")["own"] < 1e-3


def test_a_chip_that_saturates_hides_it_and_it_is_found_all_the_same() -> None:
    answer = studied(squares(), HUNDRED, "force_fp16", soc="Ascend310P3")
    assert 0.5 < answer["drift"]["y"] < 1.0, "the root of 65504 for that of 640000"
    assert [row["op"] for row in answer["rows"] if row["overflow"]] == ["ReduceSum"]


def test_a_mixed_mode_keeps_what_is_on_the_black_list_and_what_follows_it() -> None:
    answer = studied(squares(), HUNDRED, "allow_mix_precision")
    assert answer["drift"]["y"] < 1e-6
    assert {row["op"]: row["inputs"] for row in answer["rows"]} == {"Mul": "float32", "ReduceSum": "float32", "Sqrt": "float32"}


@pytest.mark.parametrize("mode", ["must_keep_origin_dtype", "origin"])
def test_where_nothing_is_lowered_it_agrees_with_float64(mode: str) -> None:
    for model, given in ((squares(), HUNDRED), (normalised(), feeds(400.0))):
        answer = studied(model, given, mode)
        assert answer["yardstick"] == "float64"
        assert answer["drift"]["y"] < 1e-5
        assert all(row["inputs"] == "float32" and not row["overflow"] for row in answer["rows"])
        assert all((row["own"] or 0.0) < 1e-5 for row in answer["rows"])


def test_a_normalisation_holds_when_mixed_and_fails_when_forced() -> None:
    forced, mixed = (studied(normalised(), feeds(400.0), mode) for mode in ("force_fp16", "mixed_float16"))
    assert not forced["drift"]["y"] < 0.1
    assert next(row["op"] for row in forced["rows"] if row["overflow"]) == "Pow"
    assert mixed["drift"]["y"] < 5e-3
    kinds = {row["op"]: row["result"] for row in mixed["rows"]}
    assert kinds == {
        "ReduceMean": "float32", "Sub": "float32", "Pow": "float32", "Add": "float32", "Sqrt": "float32", "Div": "float32",
        "MatMul": "float16", "Softmax": "float16",
    }  # fmt: skip
    assert studied(normalised(), feeds(1.0), "force_fp16")["drift"]["y"] < 1e-2, "ordinary numbers are no trouble"


def test_what_is_kept_by_type_by_onnx_type_or_by_name_stays_in_float32() -> None:
    model = squares()
    model.graph.node[1].name = "/norm/sum"
    for keep in (["ReduceSum", "Sqrt"], ["/norm/sum", "Sqrt"]):
        assert studied(model, HUNDRED, "force_fp16", keep)["drift"]["y"] < 1e-3
    assert studied(model, HUNDRED, "force_fp16", ["Sqrt"])["drift"]["y"] == np.inf, "the sum itself is already infinite"
    assert studied(model, HUNDRED, "force_fp16", ["ReduceSum"])["drift"]["y"] == np.inf, "the root is fed 640000 in float16"
    fed = studied(model, HUNDRED, "force_fp16", ["ReduceSum"])
    assert row(fed, "Sqrt")["fed"] == 2


def test_the_matrix_unit_multiplies_in_float16_and_adds_in_float32() -> None:
    random = np.random.default_rng(3)
    left, right = (random.uniform(0, 1, shape).astype(np.float32) for shape in ((2, 4096), (4096, 3)))
    model = with_weights(parsed("y = MatMul(x, w)", "float[2, 4096] x"), w=right)
    narrow = [array.astype(np.float16).astype(np.float64) for array in (left, right)]
    found = session(model, mode="force_fp16").run({"x": left})["y"]
    np.testing.assert_allclose(found, narrow[0] @ narrow[1], rtol=2**-11)
    wide = session(model, mode="force_fp32").run({"x": left})["y"]
    np.testing.assert_allclose(wide, narrow[0] @ narrow[1], rtol=1e-6)
    assert np.max(np.abs(wide / (left.astype(np.float64) @ right) - 1)) > 1e-6, "its inputs are rounded all the same"


def test_a_vector_operator_rounds_each_step_unless_its_implementation_is_precise() -> None:
    norm = with_weights(
        parsed("y = LayerNormalization<axis = -1, epsilon = 1e-12>(x, s)", opset=17), s=np.ones(64, np.float32)
    )
    kinds = ("high_performance", "high_precision")
    fast, precise = (studied(norm, feeds(1.0), "force_fp16", implementation=kind)["drift"]["y"] for kind in kinds)
    assert precise < 6e-4 < fast
    constant = {"x": np.full((2, 64), 3.0, np.float32)}
    assert not np.isfinite(session(norm, mode="force_fp16").run(constant)["y"]).all(), "an epsilon of 1e-12 is 0 in float16"
    assert np.isfinite(session(norm, mode="force_fp16", implementation="high_precision").run(constant)["y"]).all()


def test_constants_are_clipped_and_inputs_are_not() -> None:
    model = with_weights(parsed("y = Add(x, mask)"), mask=np.full((1, 64), -1e10, np.float32))
    answer = studied(model, feeds(1.0), "force_fp16")
    assert row(answer, "Add")["clipped"] == 64
    assert row(answer, "Add")["fed"] == 0
    assert session(model, mode="force_fp16").run(feeds(1.0))["y"].max() == -65504
    large = {"x": np.full((2, 64), 1e5, np.float32)}
    given = studied(parsed("y = Relu(x)"), large, "force_fp16")
    assert row(given, "Relu")["fed"] == 128
    assert given["drift"]["y"] == np.inf
    assert studied(parsed("y = Relu(x)"), large, "mixed_bfloat16", lower=["Relu"])["drift"]["y"] < 2**-8


def test_subgraphs_functions_and_loops_are_lowered_inside() -> None:
    branch = parsed("c = ReduceMax<keepdims = 0>(x) z = Constant<value = float {0.0}>() p = Greater(c, z) "
                    "y = If(p)<then_branch = g1 () => (float[2, 64] a) { a = Mul(x, x) }, "
                    "else_branch = g2 () => (float[2, 64] b) { b = Neg(x) }>")  # fmt: skip
    answer = studied(branch, {"x": np.full((2, 64), 300.0, np.float32)}, "force_fp16")
    assert answer["drift"]["y"] == np.inf
    assert row(answer, "Mul")["overflow"] == 128
    celu = parsed("y = MeanVarianceNormalization<axes = [1]>(x)")
    assert 1e-5 < studied(celu, feeds(1.0), "force_fp16")["drift"]["y"] < 1e-2
    assert studied(celu, feeds(1.0), "force_fp16", ["MeanVarianceNormalization"])["drift"]["y"] < 1e-5, "what it is made of is kept too"


def test_whole_numbers_and_float16_of_the_graph_itself_are_left_alone() -> None:
    model = parsed("i = Cast<to = 7>(x) y = Cast<to = 1>(i)")
    large = {"x": np.full((2, 64), 100000.0, np.float32)}
    assert studied(model, large, "must_keep_origin_dtype")["drift"]["y"] == 0.0
    half = parsed("h = Cast<to = 10>(x) y = Add(h, h)", outputs="float16 y")
    assert session(half, mode="must_keep_origin_dtype").run(feeds(1.0))["y"].dtype == np.float16


def test_the_share_of_work_in_float32_is_counted_for_each_unit() -> None:
    rows = studied(normalised(), feeds(1.0), "mixed_float16")["rows"]
    assert sum(row["cube"] for row in rows) == 2 * 2 * 64 * 8
    assert sum(row["vector"] for row in rows if row["inputs"] == "float32") > 0


def test_two_runs_give_the_same_and_a_second_mode_does_not_disturb() -> None:
    one = session(normalised(), mode="force_fp16")
    first = one.run(feeds(1.0))["y"]
    one.study(feeds(1.0), {"mode": "mixed_bfloat16"})
    np.testing.assert_array_equal(one.run(feeds(1.0))["y"], first)


def test_provenance_says_what_it_is() -> None:
    told = session(squares(), mode="mixed_float16", soc="Ascend310P3").provenance
    assert told["label"] == "emulated"
    assert (told["device"], told["precision"], told["soc"], told["overflow"]) == ("cpu", "mixed_float16", "Ascend310P3", "saturation")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mode": "force_fp15"}, "precision mode 'force_fp15' is none that is emulated; expected one of force_fp16"),
        ({"soc": "Ascend910"}, "no exact soc_version"),
        ({"mode": "mixed_bfloat16", "soc": "Ascend310P3"}, "needs bfloat16"),
        ({"keep": "Softmaxx"}, "the graph has no operator or node Softmaxx; give an Ascend type, an ONNX type (Mul, ReduceSum, Sqrt)"),
        ({"keep": "Sqrt", "mode": "origin"}, "keep=Sqrt has no meaning in origin, which keeps every operator"),
        ({"lower": "Sqrt"}, "lower=Sqrt changes the lists of a mixed mode; force_fp16 has none"),
    ],
)
def test_what_cannot_be_emulated_is_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        session(squares(), **options)


def test_the_own_drift_of_a_node_counts_the_rounding_of_what_it_should_be_fed() -> None:
    answer = studied(parsed("a = Mul(x, x) y = Neg(a)"), feeds(1.0), "force_fp16")
    assert 1e-5 < row(answer, "Neg")["own"] < 2**-11


def test_the_statistics_of_a_batch_normalisation_stay_in_float32() -> None:
    ones = np.ones(3, np.float32)
    model = with_weights(
        parsed("y = BatchNormalization(x, s, b, m, v)", "float[2, 3, 8] x"), s=ones * 1000, b=ones, m=ones, v=ones * 1e6
    )
    given = {"x": np.random.default_rng(0).normal(0, 1, (2, 3, 8)).astype(np.float32)}
    answer = studied(model, given, "force_fp16")
    assert row(answer, "BatchNormalization")["clipped"] == 0
    assert answer["drift"]["y"] < 1e-3
