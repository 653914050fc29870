"""The cases of the ONNX backend test, as the installed onnx package stores or makes them: models, inputs, and recorded outputs.

``python suites/corpora/_onnx_node.py`` counts them, and says what is left out and why.
"""

from __future__ import annotations

import collections
import functools
import os
import re
import sys
import warnings
from typing import Any, Iterator, Mapping

import numpy as np

KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator")
# What the official runner holds every case to, whatever its type; whole numbers and masks must be equal here.
RTOL, ATOL = 1e-3, 1e-7
_RANDOM = ("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")
_CARRIED = (
    "FLOAT", "DOUBLE", "FLOAT16", "BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64",
)  # fmt: skip


@functools.lru_cache(maxsize=1)
def corpus() -> Mapping[str, Any]:
    """Return id -> the package's own ``TestCase``, for every case it brings with it; none needs a download."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # newer packages compute the recorded outputs now, overflows included
        found = {f"onnx/{kind}/{test.name[len('test_') :]}": test for kind in KINDS for test in load_model_tests(kind=kind)}
    return dict(sorted(found.items()))


def model_of(test: Any) -> Any:
    """Return the ``ModelProto`` of a case."""
    import onnx

    return onnx.load(os.path.join(test.model_dir, "model.onnx")) if test.model_dir else test.model


def source_of(name: str) -> Any:
    """Return what a builder returns: the file where the package stores one, byte for byte, else the model."""
    test = corpus()[name]
    return os.path.join(test.model_dir, "model.onnx") if test.model_dir else test.model


def arrays_of(test: Any, model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return inputs and recorded outputs of the one data set of a case, by name. For cases that `why_not` admits."""
    inputs, outputs = [value.name for value in model.graph.input], [value.name for value in model.graph.output]
    if test.model_dir:
        folder = os.path.join(test.model_dir, "test_data_set_0")
        return dict(zip(inputs, _read(folder, "input"))), dict(zip(outputs, _read(folder, "output")))
    given, expected = test.data_sets[0]
    return dict(zip(inputs, map(_array, given))), dict(zip(outputs, map(_array, expected)))


def _read(folder: str, kind: str) -> Iterator[Any]:
    import onnx
    from onnx import numpy_helper

    for number in range(len([name for name in os.listdir(folder) if re.fullmatch(kind + r"_\d+\.pb", name)])):
        with open(os.path.join(folder, f"{kind}_{number}.pb"), "rb") as stream:
            yield numpy_helper.to_array(onnx.TensorProto.FromString(stream.read()))


def _array(item: Any) -> Any:
    from onnx import numpy_helper

    return numpy_helper.to_array(item) if hasattr(item, "DESCRIPTOR") else np.asarray(item)


def why_not(test: Any, model: Any) -> str:
    """Return why a case cannot be judged here, "" for one that can."""
    random = sorted({node.op_type for node in nodes(model.graph) if node.op_type in _RANDOM or _drops(node)})
    if random:
        return f"its results are random ({', '.join(random)})"
    for value in (*model.graph.input, *model.graph.output):
        which = value.type.WhichOneof("value")
        if which != "tensor_type":
            return f"{str(which).replace('_type', '')} among its inputs or outputs"
        kind = _type_name(value)
        if kind not in _CARRIED:
            return f"{kind.lower()} among its inputs or outputs"
    if _sets(test) != 1:
        return f"it has {_sets(test)} sets of data"
    stored = {tensor.name for tensor in model.graph.initializer}
    fed, recorded = map(set, arrays_of(test, model))
    missing = {value.name for value in model.graph.input} - stored - fed or {value.name for value in model.graph.output} - recorded
    return "its data leave an input or output out" if missing else ""


def nodes(graph: Any) -> Iterator[Any]:
    """Yield every node of a graph, at any depth."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for part in (attribute.g, *attribute.graphs):
                yield from nodes(part)


def _drops(node: Any) -> bool:
    """Return whether a node is a dropout that may be in training mode."""
    return node.op_type == "Dropout" and len(node.input) > 2 and bool(node.input[2])


def _sets(test: Any) -> int:
    if not test.model_dir:
        return len(test.data_sets)
    return len([name for name in os.listdir(test.model_dir) if name.startswith("test_data_set_")])


def _type_name(value: Any) -> str:
    from onnx import TensorProto

    return str(TensorProto.DataType.Name(value.type.tensor_type.elem_type))


def family_of(name: str, model: Any) -> str:
    """Return the operator a case is about; a function written out is about the function."""
    base = re.sub(r"_expanded(_ver\d+)?$", "", name)
    of = corpus().get(base) if base != name else None
    graph = (model_of(of) if of is not None else model).graph
    kinds = [node.op_type for node in graph.node if node.op_type not in ("Constant", "Identity")] or [graph.node[-1].op_type]
    return str(kinds[-1])


def split() -> tuple[dict[str, Any], dict[str, str]]:
    """Return the cases that can be judged, id -> (test, model), and the others, id -> why not. Together they are the corpus."""
    kept, left = {}, {}
    for name, test in corpus().items():
        model = model_of(test)
        reason = why_not(test, model)
        if reason:
            left[name] = reason
        else:
            kept[name] = (test, model)
    return kept, left


def main() -> None:
    """Write how many cases there are, and how many are left out for which reason."""
    import onnx

    kept, left = split()
    lines = [f"onnx {onnx.__version__}: {len(kept) + len(left)} cases, {len(kept)} judged, {len(left)} left out"]
    lines += [f"  {number} {reason}" for reason, number in collections.Counter(left.values()).most_common()]
    sys.stdout.write("\n".join(lines) + "\n")
    if "--names" in sys.argv:
        sys.stdout.write("".join(f"{name}: {reason}\n" for name, reason in left.items()))


if __name__ == "__main__":
    main()
