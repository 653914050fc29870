"""Every session and framework that prepares a call to be timed: it computes what ``run`` does, again and again (workers check it)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.core.protocols import option_values
from harness.engine.manifest import Manifest
from harness.engine.pool import Pool
from harness.engine.serve_latency import OWN, THROUGH
from harness.numerics.sampling import told_of
from tests.contract.test_contract import ROUTES
from tests.contract.test_probes import Opened

PREPARING = (
    "executorch", "jax", "jax.exported", "litert", "mnn", "onnxruntime", "openvino", "paddle", "paddle.inference", "tensorflow",
    "tf.savedmodel", "torch", "torch.compile", "torch.exported", "torchscript", "tvm",
)  # fmt: skip
SOURCES = ("jax", "onnx", "paddle", "tensorflow", "torch")


@pytest.mark.parametrize("name", [*PREPARING, "onnx.reference"])
def test_the_call_that_is_timed_computes_what_run_does(name: str, pool: Pool, described: Manifest, place: Path) -> None:
    route = ROUTES[f"runtime {name}"]
    opened = Opened(route, pool, described, place)
    runtime, feeds = opened.steps.registry.get("runtimes", route.runtime.name), dict(opened.sample.feeds)
    loading = {
        "runtime": runtime.name, "device": route.device, "source": opened.artifact.to_json(), "ref": opened.cell.ref, "feeds": feeds,
        "options": option_values(runtime, route.runtime.options, str(route)), **told_of(opened.cell.case, route.framework),
    }  # fmt: skip
    session = opened.steps.ask(runtime.toolchain, "load", loading)["session"]
    told = opened.steps.ask(runtime.toolchain, "latency_target", {"session": session, "feeds": feeds})
    assert told["how"] == (OWN if route.runtime.name in PREPARING else THROUGH)
    assert told["first"] > 0
    for copy in (False, True):
        times = opened.steps.ask(runtime.toolchain, "latency_block", {"side": told["side"], "calls": 4, "copy": copy})["seconds"]
        assert np.asarray(times).shape == (4,)
        assert (np.asarray(times) > 0).all()


@pytest.mark.parametrize("framework", SOURCES)
def test_sources_are_timed_by_their_own_call(framework: str, pool: Pool, described: Manifest, place: Path) -> None:
    opened = Opened(ROUTES[f"framework {framework}"], pool, described, place)
    adapter = opened.steps.registry.get("frameworks", framework)
    asked = {"framework": framework, "ref": opened.cell.ref, "feeds": dict(opened.sample.feeds)}
    assert opened.steps.ask(adapter.toolchain, "latency_source", asked)["how"] == OWN
