"""Qualcomm's HTP through ONNX Runtime's QNN plug-in, in the simulator that its x86 package ships.

The simulator computes what the chip does; its time says nothing of the chip's. Facts of onnxruntime-qnn 2.7 that this file holds:
without a chip number some graphs are computed in float32, which the chip cannot; a graph with a dynamic axis runs on the CPU
without a word; the HTP takes fixed shapes only.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any, Mapping

import numpy as np

from harness.core.errors import Unavailable, Unsupported
from harness.core.protocols import Option
from harness.runtimes._onnxruntime import refusal

PROVIDER = "QNNExecutionProvider"
CHIPS = {"SM8650": 57, "SM8550": 43, "SM8750": 69, "SA8295": 39}
"""Chips by name, with the number that QNN calls ``soc_model`` (QnnHtpDevice's table of SoCs)."""
CHIP = Option(name="soc", default="SM8650", choices=tuple(CHIPS), help="the Qualcomm chip to compile for")
_FLOAT16 = 2.0**-11


def available() -> None:
    """Register the plug-in, once a process. Raises `Unavailable`."""
    import onnxruntime

    if any(device.ep_name == PROVIDER for device in onnxruntime.get_ep_devices()):
        return
    try:
        library = importlib.import_module("onnxruntime_qnn").get_library_path()
    except ImportError as error:
        raise Unavailable(f"the QNN plug-in of ONNX Runtime does not import: {error}", "parity env build qnn") from None
    onnxruntime.register_execution_provider_library(PROVIDER, library)


def opened(model: Any, chip: str, lengths: Mapping[str, int], settings: Mapping[str, str] | None = None) -> Any:
    """Return a session of a file, or of a serialised model, on the simulator of ``chip``, with dimensions fixed by name.

    Raises `Unsupported` where the HTP does not take the whole graph.
    """
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    available()
    wanted = _wanted(chip, lengths, {"session.disable_cpu_ep_fallback": "1", **(settings or {})})
    try:
        return onnxruntime.InferenceSession(model, wanted)
    except Exception as error:
        said = str(error).strip().splitlines()[0][:400]
        if "fallback to CPU EP has been explicitly disabled" in said:
            left = _left(model, chip, lengths)
            raise Unsupported(f"QNN leaves operators to the CPU for {chip}: {left or said}") from error
        if "QNN_COMMON_ERROR" in said or "Failed to finalize QNN graph" in said:
            raise Unsupported(f"QNN does not compile the graph for {chip}: {said}") from error
        raise refusal(error) or error


def _wanted(chip: str, lengths: Mapping[str, int], settings: Mapping[str, str]) -> Any:
    import onnxruntime

    wanted = onnxruntime.SessionOptions()
    wanted.log_severity_level = 4  # an error is raised as well as logged
    for key, text in {"session.record_ep_graph_assignment_info": "1", **settings}.items():
        wanted.add_session_config_entry(key, text)
    for name, length in lengths.items():
        wanted.add_free_dimension_override_by_name(name, length)
    device = [device for device in onnxruntime.get_ep_devices() if device.ep_name == PROVIDER][:1]
    wanted.add_provider_for_devices(device, {"backend_type": "htp", "soc_model": str(CHIPS[chip])})
    return wanted


def _left(model: Any, chip: str, lengths: Mapping[str, int]) -> str:
    """Return the types of the operators that QNN leaves to others, "" where even that cannot be asked."""
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(model, _wanted(chip, lengths, {}))
    except Exception:
        return ""
    parts = session.get_provider_graph_assignment_info()
    return ", ".join(sorted({node.op_type for part in parts if part.ep_name != PROVIDER for node in part.get_nodes()}))


def shapes_of(path: str) -> dict[str, list[Any]]:
    """Return the declared shape of each input of a file: lengths, and names of those that are free."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    weights = {tensor.name for tensor in graph.initializer}
    return {
        port.name: [dim.dim_param or (dim.dim_value if dim.HasField("dim_value") else None) for dim in port.type.tensor_type.shape.dim]
        for port in graph.input
        if port.name not in weights
    }


def lengths_of(declared: Mapping[str, list[Any]], feeds: Mapping[str, Any]) -> dict[str, int]:
    """Return the length of every free dimension by name, as the feeds have it.

    Raises `Unsupported` for a free dimension without a name, which cannot be fixed, and for one whose lengths differ.
    """
    found: dict[str, int] = {}
    for name, shape in declared.items():
        for axis, (dim, length) in enumerate(zip(shape, np.shape(feeds[name]))):
            if dim is None:
                raise Unsupported(f"axis {axis} of input {name!r} has neither length nor name, and the HTP needs fixed shapes")
            if isinstance(dim, str) and found.setdefault(dim, int(length)) != length:
                raise Unsupported(f"the dimension {dim} is {found[dim]} and {length} in the same call")
    return found


@functools.lru_cache(maxsize=16)
def computes_in(chip: str) -> str:
    """Return the type that the simulator multiplies floats in for a chip, from what it makes of a product that float16 rounds."""
    from onnx import TensorProto, helper

    rng = np.random.default_rng(7)
    weight = rng.uniform(0.5, 1.5, (64, 64)).astype(np.float32)
    feed = rng.uniform(0.5, 1.5, (4, 64)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "precision",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 64])], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 64])],
        [helper.make_tensor("w", TensorProto.FLOAT, weight.shape, weight.tobytes(), raw=True)],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (answer,) = opened(model.SerializeToString(), chip, {}).run(None, {"x": feed})
    exact = feed.astype(np.float64) @ weight.astype(np.float64)
    return "float16" if np.max(np.abs(answer / exact - 1)) > _FLOAT16 / 64 else "float32"
