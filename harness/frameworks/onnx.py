"""ONNX files as a source: the file itself is the model, and the ONNX reference evaluator says what it means."""

from __future__ import annotations

import os
import random
import shutil
from typing import Any, Mapping, Sequence

import numpy as np

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.external import attach, load, save
from harness.core.outputs import flatten, is_instance
from harness.core.weights import Inner, Move
from harness.frameworks._onnx_checks import check_ports, inputs_of


class Built:
    """A checked model: ``proto``, whose weights may lie in files, and the files to copy (none for a model made in memory)."""

    def __init__(self, proto: Any, path: str, data: tuple[str, ...]) -> None:
        self.proto = proto
        self.path = path
        self.data = data


class Onnx:
    """Builders return a ``ModelProto``, its bytes, or the path of a ``.onnx`` file; its weights stay as they are."""

    name = "onnx"
    toolchain = "onnx"
    format = "onnx"
    distributions = ("onnx", "numpy")
    files = (".onnx",)

    def claims(self, path: str) -> bool:
        """Return whether this is an ONNX file by its name."""
        return path.endswith(self.files)

    def open(self, path: str) -> str:
        """Return the path: a builder may name the file."""
        return path

    def owns(self, model: Any) -> bool:
        """Return whether this is a model in memory."""
        return is_instance(model, "onnx", "ModelProto")

    def signature(self, model: Any) -> list[list[Any]]:
        """Return name, dtype and shape of each input; a symbolic length is its name or None."""
        return inputs_of(model)

    def build(self, case: Case) -> Built:
        """Return the model. Raises `UsageError` for what is no valid ONNX model or does not fit the declaration."""
        import onnx
        from google.protobuf.message import DecodeError

        random.seed(case.seed)
        np.random.seed(case.seed % 2**32)  # noqa: NPY002 (builders may draw from the global generator)
        builder = case.build[self.name]
        assert builder is not None
        made = builder()
        where = f"case {case.id!r}: build['onnx']"
        path = os.path.abspath(os.fspath(made)) if isinstance(made, (str, os.PathLike)) else ""
        if path and not os.path.isfile(path):
            raise UsageError(f"{where} names {path}, which is no file")
        if not path and not isinstance(made, (bytes, onnx.ModelProto)):
            raise UsageError(f"{where} returned {type(made).__name__}; expected an onnx.ModelProto, bytes or the path of a .onnx file")
        try:
            proto = onnx.load(path, load_external_data=False) if path else onnx.load_from_string(made) if isinstance(made, bytes) else made
            data = attach(proto, path, where)
            # A model above 2 GiB can only be checked by its path.
            onnx.checker.check_model(path or proto)
        except UsageError:
            raise
        except (onnx.checker.ValidationError, ValueError, DecodeError) as error:
            raise UsageError(f"{where} is no valid ONNX model: {str(error).strip().splitlines()[0]}") from error
        check_ports(proto, case, where)
        return Built(proto, path, data)

    def run(self, model: Built, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the reference evaluator computes. Raises `Unsupported` for what it lacks."""
        from harness.frameworks._onnx_evaluator import evaluator, refusal

        try:
            return _named(model, evaluator()(model.proto).run(None, dict(feeds)))
        except Exception as error:
            raise refusal(error) or error

    def prepared(self, model: Built, feeds: Mapping[str, Any]) -> Any:
        """Return the call of one reference evaluator, and what names its outputs."""
        from harness.frameworks._onnx_evaluator import evaluator

        session, given = evaluator()(model.proto), dict(feeds)
        return (lambda: session.run(None, given)), (lambda outputs: _named(model, outputs))

    def oracle(self, case: Case, model: Built, feeds: Mapping[str, Any], move: Move | None = None) -> dict[str, Any]:
        """Return the outputs of the same graph in float64. Raises `RuntimeError` where the evaluator has no float64."""
        from harness.frameworks._onnx_evaluator import double_evaluator, is_narrow

        wide = {name: array.astype(np.float64) if is_narrow(array.dtype) else array for name, array in feeds.items()}
        return _named(model, double_evaluator()(model.proto, move=move).run(None, wide))

    def emulate(self, case: Case, model: Built, feeds: Mapping[str, Any], move: Move, inner: Inner) -> dict[str, Any]:
        """Return the outputs of the graph in float64 whose nodes pass on rounded values."""
        from harness.frameworks._onnx_evaluator import double_evaluator, is_narrow

        wide = {name: array.astype(np.float64) if is_narrow(array.dtype) else array for name, array in feeds.items()}
        return _named(model, double_evaluator()(model.proto, move=move, inner=inner).run(None, wide))

    def trace(self, model: Built, feeds: Mapping[str, Any], wanted: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return one call for each node."""
        from harness.frameworks import _onnx_trace

        return _onnx_trace.trace(model.proto, feeds, wanted)

    def replay(self, model: Built, path: str, call: int, inputs: Sequence[Any], double: bool = False) -> list[Any]:
        """Evaluate one node alone."""
        from harness.frameworks import _onnx_trace

        return _onnx_trace.replay(model.proto, path, inputs, double)

    def walk(self, model: Built, feeds: Mapping[str, Any], wanted: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return every node, local function and scope of node names."""
        from harness.frameworks import _onnx_walk

        return _onnx_walk.walk(model, feeds, wanted)

    def sub(self, model: Built, path: str, call: int, bound: Sequence[Sequence[int]], specs: Sequence[Any]) -> Any:
        """Return a model of one node, function or scope."""
        from harness.frameworks import _onnx_walk

        return _onnx_walk.sub(model, path, call, specs)

    def parameters(self, model: Built, path: str) -> dict[str, Any]:
        """Return the constant inputs of one node by their place."""
        from harness.frameworks import _onnx_trace

        return _onnx_trace.parameters(model.proto, path)

    def part(self, model: Built, begins: Mapping[str, Any], ends: Mapping[str, Any], dest: str) -> str:
        """Write the part of the graph that makes the tensors ``ends`` of ``begins`` (both with example arrays); return its name."""
        from harness.frameworks import _onnx_part

        return _onnx_part.write(model.proto, begins, ends, dest)

    def reopen(self, entry: str) -> Built:
        """Return the model of a file that a converter wrote, so that it can be traced."""
        return Built(load(entry), entry, ())

    def evaluators(self) -> list[Any]:
        """Return functions from a ``ModelProto`` to a function from feeds to outputs: in float64, and in the graph's own types."""
        from harness.frameworks._onnx_evaluator import double_evaluator, evaluator, is_narrow

        def of(kind: Any, wide: bool) -> Any:
            def evaluate(proto: Any) -> Any:
                session = kind(proto)
                names = [info.name for info in proto.graph.output]

                def run(feeds: Mapping[str, Any]) -> dict[str, Any]:
                    given = {name: array.astype(np.float64) if wide and is_narrow(array.dtype) else array for name, array in feeds.items()}
                    with np.errstate(all="ignore"):
                        return dict(zip(names, map(np.asarray, session.run(None, given))))

                return run

            return evaluate

        return [of(double_evaluator(), True), of(evaluator(), False)]

    def save(self, model: Built, dest: str) -> str:
        """Write the file, byte for byte where the builder named one, with its external data; return its name."""
        if not model.path:
            save(model.proto, os.path.join(dest, "model.onnx"))
            return "model.onnx"
        name = os.path.splitext(os.path.basename(model.path))[0] + ".onnx"
        for location in model.data:
            os.makedirs(os.path.dirname(os.path.join(dest, location)), exist_ok=True)
            shutil.copyfile(os.path.join(os.path.dirname(model.path), location), os.path.join(dest, location))
        shutil.copyfile(model.path, os.path.join(dest, name))
        return name


def _named(model: Built, outputs: list[Any]) -> dict[str, Any]:
    names = [info.name for info in model.proto.graph.output]
    return flatten({name: np.array(array) for name, array in zip(names, outputs)})


ADAPTERS = (Onnx(),)
