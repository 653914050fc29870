"""ONNX graphs in the types that a precision mode of ATC gives each operator: a prediction made without the device, and labelled so."""

from __future__ import annotations

import hashlib
from typing import Any, Mapping, Sequence

import numpy as np

from harness.ascend.precision import (
    BLACK,
    INF_NAN,
    MODES,
    PARTITIONED,
    SATURATION,
    WHITE,
    mode_on,
    overflow_of,
    type_of,
)  # fmt: skip
from harness.core.errors import UsageError
from harness.core.external import load
from harness.core.protocols import Option, Source
from harness.frameworks._onnx_evaluator import double_evaluator, evaluator, is_narrow, refusal
from harness.frameworks._onnx_trace import intermediates, tensor_names
from harness.runtimes._ascend_emulator import Settings, Tape, emulator, rows_of
from harness.runtimes._ascend_numbers import drift

BETWEEN = ";"
"""What stands between the names in an option."""


class EmulatedSession:
    """A graph that runs in the types of one mode; `study` asks for others."""

    def __init__(self, proto: Any, options: Mapping[str, Any]) -> None:
        self._proto: Any = proto
        self._options = dict(options)
        self._held: dict[tuple[str, str], Any] = {}
        self._exact: tuple[str, Any] = ("", None)
        self._settings = self._read(options)
        self._class, self._shared = emulator(self._settings, self._held)
        self._evaluator: Any = self._class(proto)
        above = overflow_of(options["soc"], options["overflow"])
        self.provenance = {
            "device": "cpu", "provider": "onnx.reference, in the types of a precision mode", "precision": options["mode"],
            "label": AscendEmulated.label, "soc": options["soc"], "overflow": above, "implementation": options["implementation"],
        }  # fmt: skip

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Evaluate the graph node by node."""
        self._shared.tape = Tape()
        return self._ran(self._evaluator, feeds)

    def tensor_names(self, feeds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the tensors of the graph in execution order."""
        return tensor_names(self._proto)

    def tensors(self, feeds: Mapping[str, Any], names: Sequence[str] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return intermediate results as the mode has them."""
        return intermediates(self._proto, feeds, names, self._evaluator)

    def study(self, feeds: Mapping[str, Any], question: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the graph loses in the types of ``question``: ``mode``, ``keep``, ``lower`` (lists) and, perhaps, ``layers``.

        ``drift``: by output, against the same graph in float64 (see `harness.runtimes._ascend_numbers.drift`). ``rows``: one for each
        node; with ``layers`` each has its ``own`` drift, on exact inputs, and the ``total``. ``yardstick``: ``float64``, or ``float32``
        for a graph that cannot be evaluated in that. ``types``: by Ascend type, on which list it is and whether its name is certain.
        """
        asked = {**self._options, "mode": question["mode"]}
        asked.update({name: BETWEEN.join(question.get(name, ())) for name in ("keep", "lower")})
        settings = self._read(asked)
        layers = bool(question.get("layers"))
        exact, inner, yardstick = self._yardstick(feeds, layers)
        kind, shared = emulator(settings, self._held)
        shared.tape = Tape(inner if layers else None)
        outputs = self._ran(kind(self._proto), feeds)
        rows = rows_of(shared.tape)
        types = {row["type"]: {"list": _listed(row["type"]), "certain": row["op"] not in PARTITIONED} for row in rows}
        apart = {name: drift(outputs[name], array) for name, array in exact.items()}
        return {"drift": apart, "rows": rows, "yardstick": yardstick, "types": types}

    def close(self) -> None:
        """Drop the evaluator and what is kept for it."""
        self._evaluator = self._proto = None
        self._held.clear()
        self._exact = ("", None)

    def _ran(self, session: Any, feeds: Mapping[str, Any]) -> dict[str, Any]:
        try:
            outputs = session.run(None, dict(feeds))
        except Exception as error:
            raise refusal(error) or error
        return {name: np.array(array) for name, array in zip(session.output_names, outputs)}

    def _read(self, options: Mapping[str, Any]) -> Settings:
        """Return options as settings. Raises `UsageError` for a chip, a mode or a name that there is not."""
        mode = mode_on(options["mode"], options["soc"])
        keep, lower = (_names(options[name]) for name in ("keep", "lower"))
        if lower and not mode.mixed:
            raise UsageError(f"ascend.emulated: lower={options['lower']} changes the lists of a mixed mode; {options['mode']} has none")
        if keep and not mode.low:
            raise UsageError(f"ascend.emulated: keep={options['keep']} has no meaning in {options['mode']}, which keeps every operator")
        unknown = (keep | lower) - _known(self._proto)
        if unknown:
            there = ", ".join(sorted({node.op_type for node in self._proto.graph.node}))
            raise UsageError(
                f"ascend.emulated: the graph has no operator or node {', '.join(sorted(unknown))}; give an Ascend type, an ONNX type "
                f"({there}) or the name of a node, several joined by '{BETWEEN}'"
            )
        above = overflow_of(options["soc"], options["overflow"])
        return Settings(
            mode=mode, keep=keep, lower=lower, saturate=above == SATURATION, precise=options["implementation"] == "high_precision"
        )

    def _yardstick(self, feeds: Mapping[str, Any], layers: bool) -> tuple[dict[str, Any], dict[str, Any], str]:
        """Return outputs and, with ``layers``, float values inside, of the graph in float64; those of the last feeds are kept."""
        digest = hashlib.sha256(b"".join(name.encode() + np.ascontiguousarray(feeds[name]).tobytes() for name in sorted(feeds)))
        key = f"{digest.hexdigest()}/{layers}"
        if self._exact[0] != key:
            self._exact = (key, self._evaluated(feeds, layers))
        found: tuple[dict[str, Any], dict[str, Any], str] = self._exact[1]
        return found

    def _evaluated(self, feeds: Mapping[str, Any], layers: bool) -> tuple[dict[str, Any], dict[str, Any], str]:
        names = [info.name for info in self._proto.graph.output]
        inner: dict[str, Any] = {}

        def see(name: str, array: Any) -> None:
            if isinstance(array, (np.ndarray, np.generic)) and array.dtype.kind == "f":
                inner[name] = np.asarray(array, np.float32)

        wide = {name: array.astype(np.float64) if is_narrow(array.dtype) else array for name, array in feeds.items()}
        with np.errstate(all="ignore"):
            try:
                session = double_evaluator()(self._proto)
                values, yardstick = session.walk(wide, names, see=see if layers else None), "float64"
            except RuntimeError:
                inner.clear()
                session = evaluator()(self._proto)
                values, yardstick = session.walk(feeds, names, see=see if layers else None), "float32"
        inner.update({name: np.asarray(array, np.float32) for name, array in wide.items() if array.dtype.kind == "f"} if layers else {})
        return {name: np.asarray(values[name]) for name in names}, inner, yardstick


def _names(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(BETWEEN) if part.strip())


def _known(proto: Any) -> frozenset[str]:
    """Return what ``keep`` may name: types of either kind that can occur in the graph, and names of nodes."""
    found: set[str] = set()
    pending = [proto.graph, *proto.functions]
    while pending:
        for node in pending.pop().node:
            found.update((node.op_type, node.name, *(type_of(node.op_type, [rank]) for rank in (2, 4, 5))))
            pending += [part for attribute in node.attribute for part in (attribute.g, *attribute.graphs) if part.node]
    return frozenset(found - {""})


def _listed(type_: str) -> str:
    return "black" if type_ in BLACK else "white" if type_ in WHITE else "grey"


class AscendEmulated:
    """Predicts what a precision mode does to the numbers of a graph. Never a result of the device: every record of it says so."""

    name = "ascend.emulated"
    label = "emulated"
    named_only = True
    accepts = ("onnx",)
    toolchain = "onnx"
    distributions = ("onnx", "numpy")
    devices = ("cpu",)
    options = (
        Option(name="mode", default="force_fp16", choices=tuple(MODES), help="value of --precision_mode or --precision_mode_v2"),
        Option(name="soc", default="Ascend910B3", help="exact chip name, which decides what happens above 65504"),
        Option(name="keep", default="", help="Ascend types, ONNX types or names of nodes that stay in float32, joined by ';'"),
        Option(name="lower", default="", help="Ascend types added to the white list of a mixed mode, joined by ';'"),
        Option(name="overflow", default="auto", choices=("auto", INF_NAN, SATURATION), help="above 65504; auto is what the chip does"),
        Option(
            name="implementation", default="high_performance", choices=("high_performance", "high_precision"),
            help="of vector operators: each step rounded, or float32 inside where the chip has such a kernel",
        ),
    )  # fmt: skip

    def probe(self, device: str) -> None:
        """Import the evaluator, which is all it needs."""
        import onnx.reference  # noqa: F401

    def coarsest(self, options: Mapping[str, Any]) -> str:
        """Return the coarsest type of a run, "" for float32. Raises `UsageError` for a chip there is not, or one without the mode."""
        overflow_of(options["soc"], options["overflow"])
        return mode_on(options["mode"], options["soc"]).low

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> EmulatedSession:
        """Read the graph. Raises `UsageError` for a chip, a mode of it, or a name to keep, that there is not."""
        try:
            return EmulatedSession(load(source.artifact.entry), options)
        except UsageError:
            raise
        except Exception as error:
            raise refusal(error) or error


ADAPTERS = (AscendEmulated(),)
