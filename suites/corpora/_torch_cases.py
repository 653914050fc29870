"""The cases of the tables that `_torch_corpora` writes; PyTorch is imported when one is built."""

from __future__ import annotations

import functools

from _torch_corpora import model, table

from harness import Case, RealData, TensorSpec, integers


def built(*sample):
    """Return the module of a sample."""
    return model(*sample)[0]


def real(*sample):
    """Return the inputs of a sample."""
    return RealData(feeds=model(*sample)[1])


def declared(name, row):
    """Return the case of one row of a table: ``KIND/NAME/VARIANT/DTYPE/NUMBER``."""
    kind, operator, variant, dtype, _ = name.split("/")
    sample = (kind, f"{operator}/{variant}", dtype, row["sample"])
    return Case(
        id=name,
        level="unit",
        family=operator,
        # What an input holds always comes from the sample.
        inputs=[
            TensorSpec(name=f"x{index}", dtype=kind, shape=shape, domain=integers(0, 1) if "int" in kind else None)
            for index, (kind, shape) in enumerate(row["inputs"])
        ],
        build={"torch": functools.partial(built, *sample)},
        data=functools.partial(real, *sample),
    )


def cases(kind):
    """Return every case of a table."""
    return [declared(name, row) for name, row in table(kind)["cases"].items()]
