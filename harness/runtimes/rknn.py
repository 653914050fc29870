"""Rockchip's NPU, simulated: RKNN-Toolkit2 compiles an ONNX file and runs the compiled graph on this processor.

Facts of rknn-toolkit2 2.5 that this file holds: return codes and exceptions are mixed, so both are read; the log of a good build has
lines that begin with "E"; inputs of four axes are taken for channels-last unless told otherwise; shapes are fixed when a graph is
built. The simulator runs the graph that was built in memory; it cannot load an ``.rknn`` file, and its time says nothing of a chip's.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import OrderedDict
from typing import Any, Callable, Mapping

import numpy as np

from harness.core.errors import Unavailable, Unsupported
from harness.core.protocols import Option, Source

_KEPT = 4
_NEWEST = 19
_CHIPS = ("rk3588", "rk3576", "rk3568", "rk3566", "rk3562")
_REFUSALS = re.compile(r"not (be )?support|unsupport|no support|not implemented|need to be constant|are constants", re.IGNORECASE)
_SAYS = re.compile(r"^\s*E |\w+(Error|Exception|Argument|Fail): ")


class RknnSession:
    """A graph in the simulator: built anew for each combination of input shapes, the latest of which are kept."""

    def __init__(
        self, build: Callable[[Mapping[str, Any]], Any], inputs: tuple[str, ...], outputs: tuple[str, ...], provenance: Mapping[str, Any]
    ) -> None:
        self.provenance = provenance
        self._build = build
        self._inputs, self._outputs = inputs, outputs
        self._built: OrderedDict[tuple[tuple[int, ...], ...], Any] = OrderedDict()

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run once; arrays go over by position, in the order that the graph was built with."""
        given = [np.ascontiguousarray(feeds[name]) for name in self._inputs]
        formats = ["nchw" if array.ndim == 4 else "undefined" for array in given]
        answers = self.built(feeds).inference(inputs=given, data_format=formats)
        if answers is None:
            raise RuntimeError("rknn.inference returned nothing, and no reason")
        return {name: np.array(array) for name, array in zip(self._outputs, answers)}

    def built(self, feeds: Mapping[str, Any]) -> Any:
        """Return the graph for the shapes of these feeds."""
        key = tuple(np.shape(feeds[name]) for name in self._inputs)
        if key not in self._built:
            while len(self._built) >= _KEPT:
                self._built.popitem(last=False)[1].release()
            self._built[key] = self._build(feeds)
        self._built.move_to_end(key)
        return self._built[key]

    def close(self) -> None:
        """Free what was built."""
        while self._built:
            self._built.popitem()[1].release()


class Rknn:
    """Runs ONNX files, operator set 19 at most, in the simulator of RKNN-Toolkit2."""

    name = "rknn"
    accepts = ("onnx",)
    toolchain = "rknn"
    distributions = ("rknn-toolkit2", "onnx", "numpy")
    devices = ("npu-simulated",)
    label = "npu-simulated"
    options = (
        Option(name="soc", default="rk3588", choices=_CHIPS, help="the Rockchip chip to build for"),
        Option(name="precision", default="fp16", choices=("fp16",), help="the type the NPU computes float graphs in"),
    )

    def probe(self, device: str) -> None:
        """Import the toolkit."""
        try:
            import rknn.api  # noqa: F401
        except ImportError as error:
            raise Unavailable(f"rknn-toolkit2 does not import: {error}", "parity env build rknn") from None

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> RknnSession:
        """Build for the shapes of the example."""
        import onnx

        path = source.artifact.entry
        model = onnx.load(path, load_external_data=False)
        newest = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)
        if newest > _NEWEST:
            raise Unsupported(f"RKNN takes ONNX operator sets up to {_NEWEST}, this file has {newest}: export with opset={_NEWEST - 1}")
        names = tuple(port.native for port in source.artifact.inputs)

        def build(feeds: Mapping[str, Any]) -> Any:
            return _built(path, options["soc"], [(name, feeds[name]) for name in names])

        session = RknnSession(
            build, names, tuple(value.name for value in model.graph.output),
            {"device": device, "provider": f"RKNN simulator {options['soc']}", "precision": "float16"},
        )  # fmt: skip
        session.built({port.native: source.feeds[port.name] for port in source.artifact.inputs})
        return session


def _built(path: str, chip: str, feeds: list[tuple[str, Any]]) -> Any:
    """Return an `RKNN` with the graph built and the simulator ready. Raises `Unsupported` where its log says so."""
    from rknn.api import RKNN

    handle, log = tempfile.mkstemp(prefix="parity-rknn-", suffix=".log")
    os.close(handle)
    toolkit = RKNN(verbose=False, verbose_file=log)
    try:
        for step, work in (
            ("config", lambda: toolkit.config(target_platform=chip)),
            ("load_onnx", lambda: toolkit.load_onnx(
                model=path, inputs=[name for name, _ in feeds], input_size_list=[list(np.shape(array)) for _, array in feeds])),
            ("build", lambda: toolkit.build(do_quantization=False)),
            ("init_runtime", lambda: toolkit.init_runtime()),
        ):  # fmt: skip
            problem = _problem(work)
            if problem is not None:
                raise _failure(step, chip, f"{problem}\n{_read(log)}")
    except BaseException:
        toolkit.release()
        raise
    finally:
        os.unlink(log)
    return toolkit


def _problem(work: Callable[[], Any]) -> str | None:
    """Return what went wrong in one call of the toolkit, None for nothing."""
    try:
        code = work()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None if code in (0, None) else f"return code {code}"


def _read(log: str) -> str:
    with open(log, encoding="utf-8", errors="replace") as file:
        return re.sub(r"\x1b\[[0-9;]*m", "", file.read())


def _failure(step: str, chip: str, log: str) -> Exception:
    """Return the exception for a failed step, with the lines of the log that say why."""
    lines = [line.strip() for line in log.splitlines() if _SAYS.search(line) and "Traceback" not in line and "op target" not in line]
    said = next((line for line in lines if _REFUSALS.search(line)), "")
    if said:
        return Unsupported(f"RKNN refuses the graph for {chip} in {step}: {said[:400]}")
    return RuntimeError(f"rknn.{step} failed for {chip}: {(lines or log.strip().splitlines())[-1][:600]}")


ADAPTERS = (Rknn(),)
