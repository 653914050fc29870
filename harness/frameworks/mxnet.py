"""MXNet as a source: builds a Gluon block, runs it imperatively, and its float64 twin."""

from __future__ import annotations

import random
from typing import Any, Mapping

import numpy as np

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.outputs import flatten, is_instance
from harness.core.space import space_of
from harness.core.weights import Move, fill

_ROLES = {"running_mean": "mean", "running_var": "variance", "gamma": "scale", "beta": "bias"}


class Built:
    """A live block with its input names in order and its output names."""

    def __init__(self, block: Any, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        self.block = block
        self.inputs = inputs
        self.outputs = outputs

    def call(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return outputs by name as arrays that own their data."""
        import mxnet as mx

        with mx.autograd.pause(train_mode=False):
            arrays = [mx.nd.array(np.array(feeds[name]), dtype=feeds[name].dtype) for name in self.inputs]
            result = self.block(*arrays)
        return {name: array.asnumpy().copy() for name, array in flatten(_plain(result), self.outputs).items()}


def _plain(result: Any) -> Any:
    """Return the result without lists inside lists of one: Gluon's recurrent layers return states that way."""
    return tuple(map(_plain, result)) if isinstance(result, (list, tuple)) else result


def _refill(block: Any, seed: int) -> None:
    import mxnet as mx

    # The prefix of a block counts up from process to process; what follows it does not.
    prefix = block.prefix
    for index, (name, parameter) in enumerate(block.collect_params().items()):
        if not np.issubdtype(np.dtype(parameter.dtype), np.floating):
            continue
        short = name[len(prefix) :] if prefix and name.startswith(prefix) else name
        role = next((role for end, role in _ROLES.items() if short.endswith(end)), "bias" if "bias" in short else "weight")
        values = np.asarray(fill(f"{index}.{short}", tuple(parameter.shape), seed, role))
        parameter.set_data(mx.nd.array(values, dtype=parameter.dtype))


class MxNet:
    """Gluon blocks; a hybrid one can be exported."""

    name = "mxnet"
    toolchain = "mxnet"
    format = "mxnet.block"
    distributions = ("mxnet", "numpy")

    def owns(self, model: Any) -> bool:
        """Return whether this is a block."""
        return is_instance(model, "mxnet", "gluon.Block")

    def build(self, case: Case) -> Built:
        """Return the block, seeded, its parameters initialised."""
        import mxnet as mx

        random.seed(case.seed)
        np.random.seed(case.seed % 2**32)  # noqa: NPY002 (MXNet's initialisers may draw from the global generator)
        mx.random.seed(case.seed)
        builder = case.build[self.name]
        assert builder is not None
        block = builder()
        if not isinstance(block, mx.gluon.Block):
            raise UsageError(f"case {case.id!r}: the mxnet builder returned {type(block).__name__}, expected a gluon Block")
        block.initialize()
        specs = case.specs(self.name)
        built = Built(block, tuple(spec.name for spec in specs), case.outputs)
        # Shapes of parameters are known after the first call only.
        example = space_of(case, self.name).example
        built.call({s.name: np.zeros(s.concrete(example), s.dtype) for s in specs})
        if case.weights == "random":
            _refill(block, case.seed)
        return built

    def run(self, model: Built, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return the imperative outputs."""
        return model.call(feeds)

    def oracle(self, case: Case, model: Built, feeds: Mapping[str, Any], move: Move | None = None) -> dict[str, Any]:
        """Return the outputs of a float64 build with the same parameters."""
        import mxnet as mx

        builder = case.build[self.name]
        assert builder is not None
        block = builder()
        block.initialize()
        block.cast("float64")
        twin = Built(block, model.inputs, model.outputs)
        wide = {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in feeds.items()}
        twin.call(wide)
        for index, (old, new) in enumerate(zip(model.block.collect_params().values(), block.collect_params().values())):
            values = old.data().asnumpy()
            new.set_data(mx.nd.array(values if move is None else move(str(index), values, "float32"), dtype=new.dtype))
        outputs = twin.call(wide)
        short = [name for name, array in outputs.items() if array.dtype == np.float32]
        if short:
            raise RuntimeError("the float64 block still returns float32 in {}".format(", ".join(short)))
        return outputs


ADAPTERS = (MxNet(),)
