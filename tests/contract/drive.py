"""Drives one route in this very process: the quickest look at an adapter, without workers or cache."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from typing import Any

from harness.core.artifact import Artifact, Port
from harness.core.case import Case
from harness.core.declared import find_case
from harness.core.protocols import option_values
from harness.core.registry import registry
from harness.core.route import parse_route
from harness.engine.serve import Serve
from harness.numerics.metrics import measure
from harness.numerics.sampling import draw, lengths_to_try, told_of


def source_artifact(case: Case, framework: str, outputs: dict[str, Any], fmt: str) -> Artifact:
    """Return the artifact that stands for the source model itself."""
    inputs = tuple(Port(name=s.name, native=s.name, dtype=s.dtype, shape=s.free) for s in case.specs(framework))
    ports = tuple(Port(name=name, native=name, dtype=str(array.dtype)) for name, array in outputs.items())
    return Artifact(format=fmt, path="", entry="", digest="source", inputs=inputs, outputs=ports)


def drive(route_text: str, file: str, case_id: str) -> list[dict[str, Any]]:
    """Run a case over a route at every shape of its plan; return one dictionary a shape."""
    route = parse_route(route_text, registry())
    serve, ref = Serve(), {"file": os.path.realpath(file), "case": case_id, "digest": "0"}
    case = find_case(file, case_id)
    framework = registry().get("frameworks", route.framework)
    if case.has_data:
        samples = [({}, serve.data(ref)["feeds"])]
    else:
        samples = [(n, draw(case, route.framework, n).feeds) for n in lengths_to_try(case, route.framework)]
    told = told_of(case, route.framework)
    references = [serve.reference(route.framework, ref, feeds, True) for _, feeds in samples]
    artifact = source_artifact(case, route.framework, references[0]["outputs"], framework.format).to_json()
    if hasattr(framework, "save"):
        artifact = serve.save(route.framework, ref, artifact, tempfile.mkdtemp(prefix="parity-source-"))["artifact"]
    for hop in route.converters:
        adapter = registry().get("converters", hop.name)
        artifact = serve.convert(
            hop.name, artifact, ref, samples[0][1], dest=tempfile.mkdtemp(prefix="parity-drive-"),
            options=option_values(adapter, hop.options, route_text), **told,
        )["artifact"]  # fmt: skip
    runtime = registry().get("runtimes", route.runtime.name)
    loaded = serve.load(
        route.runtime.name, route.device, artifact, ref, samples[0][1],
        options=option_values(runtime, route.runtime.options, route_text), **told,
    )  # fmt: skip
    rows = []
    for (lengths, feeds), reference in zip(samples, references, strict=True):
        got = serve.run(loaded["session"], feeds)["outputs"]
        errors = {
            name: measure(got[name], want)["max_abs"] if got[name].shape == want.shape
            else f"shape {got[name].shape}, expected {want.shape}"
            for name, want in reference["outputs"].items() if name in got
        }  # fmt: skip
        rows.append({
            "lengths": lengths, "max_abs_error": errors, "want": list(reference["outputs"]), "got": list(got),
            "dtypes": {n: [str(a.dtype), str(reference["outputs"][n].dtype)] for n, a in got.items() if n in reference["outputs"]},
            "oracle": reference["oracle_error"] or "yes", "messages": artifact["messages"], "provenance": loaded["provenance"],
        })  # fmt: skip
    serve.close(loaded["session"])
    serve.close(loaded["session"])
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("route")
    parser.add_argument("file")
    parser.add_argument("case")
    arguments = parser.parse_args()
    for row in drive(arguments.route, arguments.file, arguments.case):
        print(json.dumps(row, indent=1, default=str))
