"""Every case of the ONNX backend test as a cell: the package's models, its inputs, and the outputs it records for them.

Target and source are both held to the recorded outputs, beside each other. Not collected unless this folder is named:
``pytest suites/corpora/parity_onnx_node.py -m parity``.
"""

from __future__ import annotations

import functools

from _onnx_node import ATOL, RTOL, arrays_of, corpus, family_of, model_of, source_of, split

from harness import Case, RealData, TensorSpec, Tolerance, integers

BOUND = Tolerance(rtol=RTOL, atol=ATOL, reason="what the ONNX backend test asks for")


def data(name):
    """Return the inputs of a case, and what its authors recorded."""
    test = corpus()[name]
    feeds, outputs = arrays_of(test, model_of(test))
    return RealData(feeds=feeds, outputs=outputs, tolerance=BOUND)


def spec(name, array):
    """Return the declaration of one input; what it holds always comes from the data set."""
    domain = integers(0, 1) if array.dtype.kind in "iu" else None
    return TensorSpec(name=name, dtype=array.dtype.name, shape=array.shape, domain=domain)


def judged(name, test, model):
    """Return the case of one test of the package."""
    return Case(
        id=name,
        level="unit",
        family=family_of(name, model),
        inputs=[spec(*item) for item in arrays_of(test, model)[0].items()],
        outputs=tuple(value.name for value in model.graph.output),
        build={"onnx": functools.partial(source_of, name)},
        data=functools.partial(data, name),
    )


KEPT, LEFT_OUT = split()
CASES = [judged(name, *found) for name, found in KEPT.items()]
