"""ONNX, frozen TensorFlow graphs and MindSpore AIR to OM, by ATC, the offline compiler of Huawei's CANN."""

from __future__ import annotations

import os
import shutil
from typing import Any, Mapping

from harness.ascend import atc_log, devices, notes
from harness.ascend.atc import AtcCall
from harness.ascend.compiling import KINDS, call_of, lengths_of, with_options
from harness.ascend.gears import kind_of
from harness.ascend.process import run, workplace
from harness.ascend.words import IMPLEMENTATIONS, MODES
from harness.converters._onnx_ports import outputs_of
from harness.core.errors import Unavailable, UsageError
from harness.core.protocols import Converted, Option, Source

_FRAMEWORKS = {"onnx": "onnx", "tf.frozen": "tensorflow", "mindspore.air": "mindspore"}
_FILES = ("modify_mixlist", "op_precision_mode", "keep_dtype", "customize_dtypes", "fusion_switch_file")
_TEXTS = ("precision_mode", "output_type", "op_select_implmode", *_FILES)
_COARSE = {"must_keep_origin_dtype": "", "allow_mix_precision_bf16": "bfloat16", "allow_fp32_to_bf16": "bfloat16"}
_CASTS = {"FP32": "float32", "FP16": "float16"}


class Atc:
    """``atc``, held to its exit status and to the file it writes."""

    name = "om.atc"
    sources = tuple(_FRAMEWORKS)
    target = "om"
    toolchain = "cann"
    distributions = ("numpy",)
    files = _FILES
    made_of = tuple(
        f"harness.ascend.{name}" for name in ("atc", "compiling", "gears", "shapes", "rules", "dynamic", "words", "process", "notes")
    )
    options = (
        Option(name="soc", default="", help="the exact chip, such as Ascend310P3: Ascend and the Name that npu-smi info shows"),
        Option(name="precision_mode", default="force_fp16", choices=tuple(MODES), help="types of operators; ATC's own default is float16"),
        Option(name="dynamic", default=True, help="keep the declared dynamic axes; false compiles the example shapes"),
        Option(name="shapes", default="auto", choices=KINDS, help="how several lengths are compiled: profiles, a range, or open"),
        Option(name="gears", default=0, help="lengths of each dimension among the profiles; 0 for all it has"),
        Option(name="output_type", default="", choices=("", *_CASTS), help="type of all outputs; empty keeps the model's"),
        Option(name="op_select_implmode", default="", choices=("", *IMPLEMENTATIONS), help="precise or fast kernels"),
        Option(name="deterministic", default=False, help="a fixed order of accumulation"),
        *(Option(name=name, default="", help="a file for ATC's flag of this name, as seen from the case file") for name in _FILES),
    )

    def coarsest(self, options: Mapping[str, Any]) -> str:
        """Return the coarsest type that the precision mode computes in; "" for that of the source."""
        return _COARSE.get(options["precision_mode"], "float16")

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Compile in a folder of its own, and keep the OM file alone."""
        if shutil.which("atc") is None:
            raise Unavailable("CANN is here, and its compiler atc is not on the PATH", "install the CANN toolkit and source its set_env.sh")
        call = self._call(source, options)
        artifact = source.artifact
        inputs, outputs = _names(source)
        with workplace() as folder:
            status, printed = run(call.argv(artifact.entry, os.path.join(folder, "model")), folder)
            # Some builds put the system and processor into the name.
            made = sorted(name for name in os.listdir(folder) if name.endswith(".om"))
            if status != 0:
                raise atc_log.failure(printed, status)
            if len(made) != 1:
                last = " | ".join(printed.strip().splitlines()[-3:])
                raise RuntimeError("atc reported success and wrote {} .om files: {}".format(len(made) or "no", last))
            shutil.move(os.path.join(folder, made[0]), os.path.join(dest, "model.om"))
            if os.path.isdir(os.path.join(folder, "weight")):
                shutil.move(os.path.join(folder, "weight"), os.path.join(dest, "weight"))
        self._note(call, list(inputs.values()), os.path.basename(artifact.entry), dest)
        cast = _CASTS.get(options["output_type"])
        casts = {port.name: cast for port in artifact.outputs if cast and port.dtype.startswith("float")}
        return Converted(entry="model.om", inputs=inputs, outputs=outputs, messages=tuple(atc_log.warnings(printed)), casts=casts)

    def _call(self, source: Source, options: Mapping[str, Any]) -> AtcCall:
        soc = options["soc"]
        if not soc:
            found = [npu.soc for npu in devices.ask()[0] if npu.soc]
            here = f"; npu-smi info shows {found[0]} here" if found else ""
            raise UsageError(f"om.atc needs the chip: write om.atc[soc={found[0] if found else 'Ascend310P3'}]{here}")
        for name in _FILES:
            if options[name] and not os.path.isfile(options[name]):
                raise UsageError(f"om.atc: {name}={options[name]} is no file; it is looked for beside the case file")
        framework = _FRAMEWORKS[source.artifact.format]
        ports = {port.name: _node(port.native, framework) for port in source.artifact.inputs}
        shapes = {ports[name]: source.feeds[name].shape for name in ports}
        dynamic = {ports[name]: axes for name, axes in source.dynamic.items() if name in ports} if options["dynamic"] else {}
        if framework == "mindspore":  # an AIR file has its shapes in it
            call = AtcCall(soc_version=soc, framework=framework)
        else:
            call = call_of(lengths_of(shapes, dynamic, source.space), source.space, soc, options["shapes"], options["gears"], framework)
        if framework == "tensorflow":
            # The order of outputs is otherwise that in which the graph happens to end.
            nodes = tuple(port.native for port in source.artifact.outputs)
            call = with_options(call, {"out_nodes": nodes})
        more = {"deterministic": "1"} if options["deterministic"] else {}
        return with_options(call, {**{name: options[name] for name in _TEXTS}, "more": more})

    def _note(self, call: AtcCall, inputs: list[str], model: str, dest: str) -> None:
        noted = {
            "soc": call.soc_version, "precision_mode": call.precision_mode or "force_fp16", "inputs": inputs, "kind": kind_of(call),
            "profiles": [list(one) if isinstance(one, tuple) else [one] for one in getattr(call, kind_of(call) or "dynamic_dims")],
            "command": call.command(model, "model"),
        }  # fmt: skip
        notes.write(dest, noted)


def _node(native: str, framework: str) -> str:
    """Return what ATC calls an input: TensorFlow's tensors go by the name of their node."""
    return native.rpartition(":")[0] or native if framework == "tensorflow" else native


def _names(source: Source) -> tuple[dict[str, str], dict[str, str]]:
    """Return canonical -> native names in the OM file: inputs keep theirs, outputs go by place."""
    artifact = source.artifact
    framework = _FRAMEWORKS[artifact.format]
    order = [port.native for port in artifact.outputs]
    if framework == "onnx":
        order = outputs_of(artifact.entry, "om.atc")
    elif framework == "mindspore":
        order = [str(index) for index in range(len(order))]
    missing = [port.native for port in artifact.outputs if port.native not in order]
    if missing:
        raise RuntimeError(f"{os.path.basename(artifact.entry)} has no output {', '.join(missing)}; it has {', '.join(order)}")
    inputs = {port.name: _node(port.native, framework) for port in artifact.inputs}
    return inputs, {port.name: str(order.index(port.native)) for port in artifact.outputs}


ADAPTERS = (Atc(),)
