"""Models that need their lengths related, through torch.export and the ONNX exporter on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from harness import Case, Dim, TensorSpec  # noqa: E402
from harness.core.artifact import Artifact, Port  # noqa: E402
from harness.core.errors import Unsupported  # noqa: E402
from harness.core.protocols import Source  # noqa: E402
from harness.core.space import Space, space_of  # noqa: E402
from harness.frameworks._torch import Built  # noqa: E402
from harness.frameworks._torch_shapes import dynamic_shapes, specialised  # noqa: E402
from harness.numerics.sampling import draw, lengths_to_try, told_of  # noqa: E402

B, S, T, H = Dim("B", 1, 4), Dim("S", 1, 31), Dim("T", 1, 64), Dim("H", 4, 64, multiple=4)


class Twice(torch.nn.Module):  # type: ignore[misc]
    """Needs y to be twice as long as x, and one more."""

    def forward(self, x: Any, y: Any) -> Any:
        return torch.cat([x, x * 2, x[:, :1]], 1) * y


class Pixels(torch.nn.Module):  # type: ignore[misc]
    """Needs a multiple of 4."""

    def forward(self, x: Any) -> Any:
        b, h = x.shape
        return x.reshape(b, h // 4, 4).transpose(1, 2).reshape(b, h) * 2


class Sum(torch.nn.Module):  # type: ignore[misc]
    """Needs a length that no dim of torch.export can say."""

    def forward(self, x: Any, y: Any, z: Any) -> Any:
        return torch.cat([x, y], 1) + z


def case(model: Any, *shapes: Any, **more: Any) -> Case:
    inputs = tuple(TensorSpec(name=name, dtype="float32", shape=shape) for name, shape in zip("xyz", shapes, strict=False))
    return Case(id="shapes", inputs=inputs, build={"torch": model}, **more)


TWICE = case(Twice, (B, S), (B, 2 * S + 1))
RELATED = case(Twice, (B, S), (B, T), relations=("T == 2*S + 1",))
PIXELS = case(Pixels, (B, H))
LEFT = case(Sum, (B, S), (B, T), (B, S + T))


def source_of(one: Case, lengths: Mapping[str, int] | None = None, known: bool = True) -> Source:
    """Return the model of a case with feeds, as a worker hands it to a converter."""
    space = space_of(one, "torch")
    feeds = draw(one, "torch", lengths or space.example).feeds
    names = tuple(feeds)
    told = told_of(one, "torch")
    return Source(
        artifact=Artifact(
            format="torch.module", path="", entry="", digest="", inputs=tuple(Port(name=n, native=n, dtype="float32") for n in names),
            outputs=(Port(name="output", native="output", dtype="float32"),),
        ),
        feeds=feeds, dynamic=told["dynamic"], model=Built(one.build["torch"](), names, ()),
        space=Space.from_json(told["space"]) if known else None,
    )  # fmt: skip


def texts(source: Source) -> list[dict[int, str]]:
    shapes = dynamic_shapes(source)
    assert shapes is not None
    return [{axis: getattr(dim, "__name__", str(dim)) for axis, dim in shape.items()} for shape in shapes["tensors"]]


def test_lengths_are_told_as_torch_export_writes_them() -> None:
    assert texts(source_of(TWICE)) == [{0: "B", 1: "S_"}, {0: "B", 1: "2*S_ + 1"}], "S alone means something else to SymPy"
    assert texts(source_of(RELATED)) == texts(source_of(TWICE))
    assert texts(source_of(PIXELS)) == [{0: "B", 1: "4*_H"}]
    assert texts(source_of(PIXELS, {"B": 2, "H": 4})) == [{0: "B", 1: "H"}], "a root of 1 would be specialised"
    fewer = texts(source_of(case(Twice, (B, S), (B, T), relations=("S == T + 1",))))
    assert fewer == [{0: "B", 1: "S_"}, {0: "B", 1: "S_ - 1"}]
    assert "AUTO" in texts(source_of(LEFT))[2][1]
    fixed = case(Pixels, (Dim("B", 2, 2), Dim("k", 8, 8)))
    assert dynamic_shapes(source_of(fixed)) is None, "an axis with one length is not dynamic"
    assert specialised(source_of(TWICE), {"x": ("B", 2), "y": (2, 5)}) == (
        "dynamic axis S of x was specialised to 2", "dynamic axis B of y was specialised to 2",
        "dynamic axis 2*S + 1 of y was specialised to 5",
    )  # fmt: skip


@pytest.mark.parametrize("one", [TWICE, RELATED, PIXELS, LEFT], ids=["derived", "related", "multiple", "left to torch"])
def test_a_model_that_needs_its_lengths_related_is_exported(one: Case, tmp_path: Path) -> None:
    from harness.converters.torch_programs import Export

    source = source_of(one)
    made = Export().convert(source, str(tmp_path), {"dynamic": True})
    assert made.messages == ()
    program = torch.export.load(tmp_path / made.entry).module()
    for lengths in (*lengths_to_try(one, "torch"), space_of(one, "torch").nearest({"B": 4, "S": 31, "T": 31, "H": 64})):
        feeds = [torch.from_numpy(np.array(array)) for array in draw(one, "torch", lengths).feeds.values()]
        assert torch.equal(program(*feeds), one.build["torch"]()(*feeds))


@pytest.mark.parametrize("one", [RELATED, PIXELS], ids=["related", "multiple"])
def test_without_its_relations_the_same_model_is_refused(one: Case, tmp_path: Path) -> None:
    from harness.converters.torch_programs import Export

    with pytest.raises(Unsupported, match="torch.export refuses a dynamic axis: Constraints violated"):
        Export().convert(source_of(one, known=False), str(tmp_path), {"dynamic": True})


@pytest.mark.parametrize("one", [RELATED, PIXELS], ids=["related", "multiple"])
def test_the_onnx_exporter_keeps_related_axes(one: Case, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    ort = pytest.importorskip("onnxruntime")
    from harness.converters.torch_onnx import Dynamo

    source = source_of(one)
    made = Dynamo().convert(source, str(tmp_path), {"dynamic": True, "opset": 20, "optimize": True})
    assert made.messages == ()
    session = ort.InferenceSession(tmp_path / made.entry, providers=["CPUExecutionProvider"])
    for lengths in lengths_to_try(one, "torch"):
        feeds = {name: np.array(array) for name, array in draw(one, "torch", lengths).feeds.items()}
        expected = one.build["torch"]()(*map(torch.from_numpy, feeds.values()))
        assert np.array_equal(session.run(None, feeds)[0], expected.numpy())


def test_an_exported_program_says_its_lengths(tmp_path: Path) -> None:
    from harness.converters.torch_programs import Export
    from harness.frameworks._torch import program

    def said(one: Case, folder: str) -> tuple[list[Any], dict[str, Any]]:
        (tmp_path / folder).mkdir()
        module = program(str(tmp_path / folder / Export().convert(source_of(one), str(tmp_path / folder), {"dynamic": True}).entry))
        return [shape for _, _, shape in module.parity_signature], module.parity_lengths

    ((b, s), (b2, t)), lengths = said(RELATED, "related")
    assert (b2, t) == (b, f"2*{s} + 1")
    assert {name: lengths["ranges"][name] for name in (b, s)} == {b: [1, 4], s: [1, 31]}
    ((_, h),), lengths = said(PIXELS, "pixels")
    root = h.removeprefix("4*")
    assert lengths["ranges"][root][1] == 16
    assert f"{h} <= 64" in lengths["relations"]
