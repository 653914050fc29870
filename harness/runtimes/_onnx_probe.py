"""ONNX models with more outputs: what shows the inner tensors of a runtime that only gives outputs."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from harness.frameworks._onnx_trace import tensor_names

ENTRY = "probe.onnx"


def with_outputs(path: str, names: Sequence[str], dest: str) -> str:
    """Write the model at ``path`` with ``names`` among its outputs into the folder ``dest``; return the file.

    External data is linked, not read, so that a model of any size can be probed.
    """
    import onnx

    proto = onnx.load(path, load_external_data=False)
    for name in os.listdir(os.path.dirname(os.path.abspath(path))):
        source = os.path.join(os.path.dirname(os.path.abspath(path)), name)
        if os.path.abspath(path) != source:
            _placed(source, os.path.join(dest, name))
    known = {info.name for info in proto.graph.output}
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in known)
    file = os.path.join(dest, ENTRY)
    onnx.save(proto, file)
    return file


def _placed(source: str, target: str) -> None:
    """Give a file a second name; onnxruntime refuses symbolic links out of the folder, so hard links come first."""
    if os.path.isdir(source):
        shutil.copytree(source, target, copy_function=lambda one, two: _placed(str(one), str(two)))
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _linkable(path: str) -> str | None:
    """Return the folder for copies of a model: the usual one, but where weights could not be linked there, one beside the model's."""
    folder = os.path.dirname(os.path.abspath(path))
    return None if os.stat(folder).st_dev == os.stat(tempfile.gettempdir()).st_dev else os.path.dirname(folder)


def names_of(path: str) -> list[dict[str, Any]]:
    """Return the tensors of the model at ``path`` in execution order."""
    import onnx

    return tensor_names(onnx.load(path, load_external_data=False))


def probed(
    path: str, feeds: Mapping[str, Any], names: Sequence[str] | None, execute: Callable[[str, Mapping[str, Any]], dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return tensors by name and the outputs of the probed run; ``execute(file, feeds)`` gives every output of a file by name."""
    import onnx

    wanted = [entry["name"] for entry in names_of(path)] if names is None else list(names)
    with tempfile.TemporaryDirectory(prefix="parity-probe-", dir=_linkable(path)) as folder:
        found = execute(with_outputs(path, wanted, folder), feeds)
    final = [info.name for info in onnx.load(path, load_external_data=False).graph.output]
    inner = {name: found[name] for name in wanted if isinstance(found.get(name), np.ndarray)}
    return inner, {name: found[name] for name in final if name in found}
