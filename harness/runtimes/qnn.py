"""Qualcomm's NPU (HTP), simulated: graphs are compiled by QNN and its instructions executed on this processor."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Callable, Mapping

from harness.core.protocols import Option, Source
from harness.runtimes import _qnn
from harness.runtimes._onnxruntime import ran, share

_KEPT = 4


class QnnSession:
    """A graph on the HTP: compiled anew for each combination of lengths, the latest of which are kept."""

    def __init__(self, path: str, chip: str, opened: Callable[[Mapping[str, int]], Any], provenance: Mapping[str, Any]) -> None:
        self.provenance = provenance
        self._declared = _qnn.shapes_of(path)
        self._opened = opened
        self._compiled: OrderedDict[tuple[tuple[str, int], ...], Any] = OrderedDict()

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run once."""
        return ran(self.compiled(feeds), feeds)

    def compiled(self, feeds: Mapping[str, Any]) -> Any:
        """Return the session for the shapes of these feeds."""
        lengths = _qnn.lengths_of(self._declared, feeds)
        key = tuple(sorted(lengths.items()))
        if key not in self._compiled:
            while len(self._compiled) >= _KEPT:
                self._compiled.popitem(last=False)
            self._compiled[key] = self._opened(lengths)
        self._compiled.move_to_end(key)
        return self._compiled[key]

    def close(self) -> None:
        """Free what was compiled."""
        self._compiled.clear()


class QnnHtp:
    """Runs ONNX files, and contexts that QNN compiled from them, in the HTP simulator."""

    name = "qnn.htp"
    accepts = ("onnx", "qnn.context")
    toolchain = "qnn"
    distributions = ("onnxruntime-qnn", "onnxruntime", "numpy")
    devices = ("npu-simulated",)
    label = "npu-simulated"
    options = (
        _qnn.CHIP, Option(name="precision", default="fp16", choices=("fp16",), help="the type the HTP computes float graphs in"),
    )  # fmt: skip

    def probe(self, device: str) -> None:
        """Register the plug-in."""
        _qnn.available()

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> QnnSession:
        """Compile for the shapes of the example; a graph that is not on the HTP as a whole is refused."""
        chip, path = options["soc"], source.artifact.entry
        precision = _qnn.computes_in(chip)
        if precision != "float16":
            raise RuntimeError(f"the simulator computes in {precision} for {chip}, which the chip cannot: its numbers say nothing")

        provenance: dict[str, Any] = {"device": device, "provider": f"{_qnn.PROVIDER} {chip}", "precision": precision}
        session = QnnSession(path, chip, lambda lengths: _qnn.opened(path, chip, lengths), provenance)
        native = {port.native: source.feeds[port.name] for port in source.artifact.inputs}
        provenance["share"] = share(session.compiled(native), _qnn.PROVIDER)
        return session


ADAPTERS = (QnnHtp(),)
