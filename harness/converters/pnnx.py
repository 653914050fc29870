"""ONNX and TorchScript to ncnn, by the program that pnnx is; its Python half, which needs torch, is left alone.

What ncnn has no layer for, pnnx writes down under the name it had and reports success: the file is read before it is believed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import tempfile
from typing import Any, Mapping

from harness.core.errors import Unavailable, Unsupported
from harness.core.protocols import Converted, Option, Source

_KINDS = {"float32": "f32", "int32": "i32", "int64": "i64"}
_NO_BATCH = 233
_INPUT = re.compile(r'ex\.input\("(\w+)", ncnn\.Mat\(.*?\.numpy\(\), batch_index=(\d+)\)')
_OUTPUT = re.compile(r"out\.append\(torch\.from_numpy\((\w+)\.numpy\(batch_index=(\d+)\)\)")


class Pnnx:
    """``pnnx``, with both shapes that a case declares: what differs between them stays free."""

    name = "pnnx"
    sources = ("onnx", "torchscript")
    target = "ncnn"
    toolchain = "ncnn"
    distributions = ("pnnx",)
    options = (Option(name="precision", default="fp32", choices=("fp32", "fp16"), help="type in which weights are stored"),)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Write parameters, weights, and what the runtime must know. Raises `Unsupported` for types and layers ncnn does not have."""
        artifact = source.artifact
        for port in (*artifact.inputs, *artifact.outputs):
            if port.dtype not in (_KINDS if port in artifact.inputs else ("float32", "")):
                raise Unsupported(f"ncnn computes in float32: {port.name} is {port.dtype}")
        words = [f"inputshape={_shapes(source, {})}"]
        if source.dynamic and source.space is not None:
            words.append(f"inputshape2={_shapes(source, source.space.other)}")
        with tempfile.TemporaryDirectory() as folder:
            model = os.path.join(folder, "model" + os.path.splitext(artifact.entry)[1])
            shutil.copyfile(artifact.entry, model)
            said = _run([_program(), model, *words, "fp16=" + str(int(options["precision"] == "fp16"))], folder)
            made = {end: os.path.join(folder, "model" + end) for end in (".ncnn.param", ".ncnn.bin", "_ncnn.py")}
            if not all(os.path.isfile(path) for path in made.values()):
                raise RuntimeError(f"pnnx reported success and wrote no ncnn model: {said[-400:]}")
            with open(made[".ncnn.param"], encoding="utf-8") as file:
                _refuse(file.read())
            with open(made["_ncnn.py"], encoding="utf-8") as file:
                ports = ports_of(file.read())
            _check(ports, source)
            shutil.move(made[".ncnn.param"], os.path.join(dest, "model.param"))
            shutil.move(made[".ncnn.bin"], os.path.join(dest, "model.bin"))
        with open(os.path.join(dest, "model.json"), "w", encoding="utf-8") as file:
            json.dump(ports, file)
        inputs = {port.name: name for port, (name, _) in zip(artifact.inputs, ports["inputs"])}
        outputs = {port.name: name for port, (name, _) in zip(artifact.outputs, ports["outputs"])}
        return Converted(entry="model.param", inputs=inputs, outputs=outputs)


def ports_of(script: str) -> dict[str, list[tuple[str, int | None]]]:
    """Return names in order and the axis that is the batch, None for none, as the script says that pnnx writes beside a model."""
    sides = {"inputs": _INPUT.findall(script), "outputs": _OUTPUT.findall(script)}
    return {
        side: [(name, None if int(axis) == _NO_BATCH else int(axis)) for name, axis in found] for side, found in sides.items()
    }  # fmt: skip


def _program() -> str:
    spec = importlib.util.find_spec("pnnx")
    path = os.path.join(os.path.dirname(spec.origin), "pnnx") if spec is not None and spec.origin else ""
    if not os.path.isfile(path):
        raise Unavailable("the package pnnx has no program in it", "parity env build ncnn")
    return path


def _shapes(source: Source, lengths: Mapping[str, int]) -> str:
    """Return the shapes and types of all inputs as pnnx reads them; axes named in ``lengths``, or made of such, have that length."""
    known = {axis.text: axis.at(lengths) for axis in source.space.axes} if lengths and source.space is not None else {}
    known.update(lengths)
    texts = []
    for port in source.artifact.inputs:
        array, axes = source.feeds[port.name], source.dynamic.get(port.name, {})
        shape = [known.get(axes[axis][0], length) if axis in axes else length for axis, length in enumerate(array.shape)]
        texts.append(f"[{','.join(map(str, shape))}]{_KINDS[array.dtype.name]}")
    return ",".join(texts)


def _check(ports: Mapping[str, list[tuple[str, int | None]]], source: Source) -> None:
    """Raise `Unsupported` where inputs or outputs are gone, or an output lost the batch: ncnn computes the members of one apart."""
    for side, wanted in (("inputs", source.artifact.inputs), ("outputs", source.artifact.outputs)):
        if len(ports[side]) != len(wanted):
            raise Unsupported(f"pnnx keeps {len(ports[side])} of the {len(wanted)} {side}")
    if any(batch is not None for _, batch in ports["inputs"]):
        for port, (_, batch) in zip(source.artifact.outputs, ports["outputs"]):
            if batch is None:
                raise Unsupported(f"ncnn computes the members of a batch apart, and pnnx leaves output {port.name} without one")


def _run(words: list[str], folder: str) -> str:
    """Return what the program printed. Raises `RuntimeError` where it fails or dies."""
    done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode:
        how = f"died of signal {-done.returncode}" if done.returncode < 0 else f"ended with exit code {done.returncode}"
        raise RuntimeError(f"pnnx {how}: {' | '.join(said.splitlines()[-3:])[:400]}")
    return said


def _refuse(param: str) -> None:
    """Raise `Unsupported` where a layer of an ncnn file is none of ncnn's: those of pnnx have a dot, colons, or no capital."""
    layers = {line.split()[0] for line in param.splitlines()[2:] if line.strip()}
    foreign = sorted(layer for layer in layers if "." in layer or ":" in layer or not layer[0].isupper())
    if foreign:
        raise Unsupported(f"ncnn has no layer for {', '.join(foreign)}")


ADAPTERS = (Pnnx(),)
