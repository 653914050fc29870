"""PyTorch's own samples of its operators (OpInfo) and modules (ModuleInfo), as models whose inputs are tensors alone.

``python suites/corpora/_torch_corpora.py`` writes the tables anew for the PyTorch that is installed: what each case takes, and what is
left out and why. Case files read the tables, so that declaring costs nothing and no worker generates samples it does not run.
"""

from __future__ import annotations

import collections
import functools
import importlib.metadata
import importlib.util
import itertools
import json
import os
import random
import re
import sys
import types
import unittest
import unittest.mock
import warnings
from typing import Any, Iterator, Sequence

import numpy as np

from harness.core.errors import UsageError

HERE = os.path.dirname(os.path.realpath(__file__))
TABLES = os.path.join(HERE, "..", "..", "fixtures", "corpora")
# Samples of each operator or module that become cases, by dtype.
COUNTS = {"float32": 2, "int64": 1, "bool": 1}
_LOOKED_AT = 24
# A random answer of one element may be the same by chance.
_SEEDS = range(8)
_LARGEST = 1_000_000
_CARRIED = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
_UNINITIALISED = ("empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided")
KINDS = ("opinfo", "moduleinfo")


class Unfit(Exception):
    """A sample that cannot become a case, with the reason."""


@functools.lru_cache(maxsize=2)
def database(kind: str) -> dict[str, Any]:
    """Return name/variant -> PyTorch's own description, of every operator or module."""
    if "expecttest" not in sys.modules and importlib.util.find_spec("expecttest") is None:
        # It serves assertions of PyTorch's own tests, which are not run here.
        sys.modules["expecttest"] = types.ModuleType("expecttest")
        sys.modules["expecttest"].__dict__["TestCase"] = unittest.TestCase
    if kind == "opinfo":
        from torch.testing._internal.common_methods_invocations import op_db

        return {f"{op.name}/{_word(op.variant_test_name)}": op for op in op_db}
    from torch.testing._internal.common_modules import module_db

    return {f"{info.name.replace('nn.', '', 1)}/default": info for info in module_db}


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", text) or "default"


def samples(kind: str, name: str, dtype: str) -> Iterator[tuple[Any, tuple[Any, Any]]]:
    """Yield a callable and its arguments (positional, by name) for each of PyTorch's samples, the same ones each time."""
    import torch

    info = database(kind)[name]
    kind_of = getattr(torch, dtype)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (PyTorch's samples draw from the global generator)
    torch.manual_seed(0)
    if kind == "opinfo":
        if kind_of in info.supported_dtypes("cpu"):
            for sample in info.sample_inputs("cpu", kind_of, requires_grad=False):
                yield info.op, ((sample.input, *sample.args), sample.kwargs)
    elif kind_of in info.supported_dtypes("cpu"):
        for sample in info.module_inputs_func(info, device="cpu", dtype=kind_of, requires_grad=False, training=False):
            made, given = sample.constructor_input, sample.forward_input
            if given is not None:
                yield functools.partial(info.module_cls, *made.args, **made.kwargs), (given.args, given.kwargs)


def model(kind: str, name: str, dtype: str, number: int) -> tuple[Any, dict[str, Any]]:
    """Return the module of one sample, everything but its tensors bound, and its inputs by name.

    Raises `Unfit` for a sample whose tensors cannot be fed, or which has none.
    """
    import torch
    from torch.utils import _pytree as pytree

    call, arguments = next(itertools.islice(samples(kind, name, dtype), number, None))
    leaves, shape = pytree.tree_flatten(arguments)
    places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]
    if not places:
        raise Unfit("it takes no tensor")
    tensors = [leaves[place] for place in places]
    feeds = {f"x{index}": _array(tensor) for index, tensor in enumerate(tensors)}
    bound = [None if place in places else leaf for place, leaf in enumerate(leaves)]

    class Bound(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.called = call() if kind == "moduleinfo" else None

        def forward(self, *given: Any) -> Any:
            filled = list(bound)
            for place, tensor in zip(places, given):
                filled[place] = tensor
            args, kwargs = pytree.tree_unflatten(filled, shape)
            result = self.called(*args, **kwargs) if self.called is not None else call(*args, **kwargs)
            found = [leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, torch.Tensor)]
            return found[0] if len(found) == 1 else tuple(found)

    built = Bound()
    if any(torch.nn.parameter.is_lazy(part) for part in built.parameters()):
        with torch.no_grad():
            built(*tensors)  # a lazy module learns its shapes from its first input
    return built, feeds


def _array(tensor: Any) -> Any:
    import torch

    if tensor.layout is not torch.strided or tensor.is_quantized:
        raise Unfit("it takes a tensor that is not dense")
    dtype = str(tensor.dtype).replace("torch.", "")
    if dtype not in _CARRIED:
        raise Unfit(f"it takes {dtype}")
    if tensor.numel() > _LARGEST:
        raise Unfit("its samples are too large")
    return tensor.detach().resolve_conj().resolve_neg().numpy().copy()


def described(kind: str, name: str, dtype: str, number: int) -> dict[str, Any]:
    """Return what the table says of one sample. Raises `Unfit` for one that cannot be judged."""
    import torch

    last = name.split("/")[0].rsplit(".", 1)[-1]
    if last in _UNINITIALISED:
        raise Unfit("what it returns is not initialised")
    if last.endswith("_") and not last.endswith("__"):
        raise Unfit("it changes its input")
    built, feeds = model(kind, name, dtype, number)
    built.eval()
    answers = []
    for seed in _SEEDS:
        tensors = [torch.from_numpy(array.copy()) for array in feeds.values()]
        torch.manual_seed(seed)
        # Random operators are wrapped so as to seed the generator themselves; no converter knows of that.
        with torch.no_grad(), unittest.mock.patch("torch.manual_seed"):
            result = built(*tensors)
        if any(not np.array_equal(t.numpy(), a, equal_nan=a.dtype.kind == "f") for t, a in zip(tensors, feeds.values())):
            raise Unfit("it changes its input")
        answers.append([_result(tensor) for tensor in (result if isinstance(result, tuple) else (result,))])
    if not answers[0]:
        raise Unfit("it returns no tensor")
    for other in answers[1:]:
        if any(not np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(answers[0], other)):
            raise Unfit("its results are random")
    if not any(array.size for array in answers[0]):
        raise Unfit("it returns nothing but empty tensors")
    return {"sample": number, "inputs": [[array.dtype.name, list(array.shape)] for array in feeds.values()]}


def _result(tensor: Any) -> Any:
    try:
        return _array(tensor)
    except Unfit as unfit:
        raise Unfit(str(unfit).replace("takes", "returns")) from None


def table(kind: str) -> dict[str, Any]:
    """Return ``cases`` (id -> sample and inputs) and ``left_out`` (name/variant -> why), as they were written for this PyTorch.

    Raises `UsageError` where another PyTorch is installed than the one they were written for.
    """
    with open(os.path.join(TABLES, kind + ".json"), encoding="utf-8") as stream:
        found = json.load(stream)
    installed = importlib.metadata.version("torch").split("+")[0]
    if found["torch"] != installed:
        told = f"fixtures/corpora/{kind}.json was written for torch {found['torch']}, here is {installed}"
        raise UsageError(f"{told}; write it anew: python suites/corpora/_torch_corpora.py")
    return dict(found)


def described_all(kind: str) -> dict[str, Any]:
    """Return the table for the PyTorch that is installed."""
    cases, left = {}, {}
    for name in database(kind):
        reasons: collections.Counter[str] = collections.Counter()
        before = len(cases)
        for dtype, count in COUNTS.items():
            cases.update((f"{kind}/{name}/{dtype}/{row['sample']}", row) for row in _first(kind, name, dtype, count, reasons))
        if len(cases) == before:
            left[name] = reasons.most_common(1)[0][0] if reasons else "no sample in " + ", ".join(COUNTS)
    return {"torch": importlib.metadata.version("torch").split("+")[0], "left_out": left, "cases": cases}


def _first(kind: str, name: str, dtype: str, count: int, reasons: collections.Counter[str]) -> Sequence[dict[str, Any]]:
    """Return the first samples that can be judged; what keeps the others out is counted in ``reasons``."""
    rows: list[dict[str, Any]] = []
    try:
        number_of = len(list(itertools.islice(samples(kind, name, dtype), _LOOKED_AT)))
    except Exception as error:
        reasons[f"PyTorch cannot make its samples: {type(error).__name__}"] += 1
        return rows
    for number in range(number_of):
        try:
            rows.append(described(kind, name, dtype, number))
        except Unfit as unfit:
            reasons[str(unfit)] += 1
        except Exception as error:
            reasons[f"it fails on its own sample: {type(error).__name__}"] += 1
        if len(rows) == count:
            break
    return rows


def main() -> None:
    """Write the tables, and say how many cases they hold and what is left out for which reason."""
    warnings.simplefilter("ignore")
    for kind in KINDS:
        found = described_all(kind)
        lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in found["cases"].items())
        left = json.dumps(found["left_out"], indent=2)
        with open(os.path.join(TABLES, kind + ".json"), "w", encoding="utf-8") as stream:
            stream.write(f'{{\n"torch": {json.dumps(found["torch"])},\n"left_out": {left},\n"cases": {{\n{lines}\n}}\n}}\n')
        names = {name.rsplit("/", 2)[0] for name in found["cases"]}
        said = [f"{kind}, torch {found['torch']}: {len(names)} described by {len(found['cases'])} cases, {len(found['left_out'])} left out"]
        said += [f"  {number} {reason}" for reason, number in collections.Counter(found["left_out"].values()).most_common()]
        sys.stdout.write("\n".join(said) + "\n")


if __name__ == "__main__":
    main()
