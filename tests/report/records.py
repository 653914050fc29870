"""Fake records: one of every kind, a realistic run, thousands of them, and hostile ones."""

from __future__ import annotations

import dataclasses
import itertools
import random
from typing import Any

from harness.core.outcome import Outcome, Stage
from harness.core.record import Comparison, Record
from harness.core.tolerance import FORMULA

ROUTE = "torch>onnx.dynamo>onnxruntime@cpu"
VERSIONS = {"python": "3.11.2", "numpy": "2.4.6", "torch": "2.13.0", "onnx": "1.17.0"}


def comparison(output: str = "y", used: float = 0.02, *, against: str = "reference", **changes: Any) -> Comparison:
    """Return a comparison whose largest error takes up ``used`` of its bound."""
    bound = {"rtol": 1e-4, "atol": 1e-5, "formula": FORMULA}
    peak = used * (1e-5 + 1e-4 * 1.25)
    metrics = {
        "max_abs": peak, "mean_abs": peak / 9, "max_rel": peak * 3, "scaled": peak / 1.1, "rms_rel": peak / 7, "cosine": 1 - peak**2,
        "worst": [0, 3, 17], "actual_at_worst": 1.25 + peak, "expected_at_worst": 1.25, "size": 2048,
        "outside": int(max(0.0, used - 1) * 3) + (used > 1),
        "oracle": {"target_scaled": peak / 2, "reference_scaled": 4e-7, "target_max_abs": peak / 2, "reference_max_abs": 5e-7},
    }  # fmt: skip
    made = Comparison(output=output, match=used <= 1, metrics=metrics, bound=bound, against=against, shapes={"batch": 2})
    return dataclasses.replace(made, **changes)


def task(drop: float = 0.0) -> Comparison:
    """Return a comparison by accuracy."""
    facts = (f"accuracy {0.91 - drop:.4f}, source 0.9100: drop {drop:.4f} exceeds 0.01",) if drop > 0.01 else ()
    metrics = {"task": "accuracy", "accuracy": 0.91 - drop, "source_accuracy": 0.91, "agreement": 1 - drop, "rows": 500}
    return Comparison(output="logits", match=not facts, metrics=metrics, bound={"max_drop": 0.01}, facts=facts, against="task")


def against_float64(output: str = "y", used: float = 0.02, **changes: Any) -> Comparison:
    """Return a comparison held to the float64 oracle whose largest distance takes up ``used`` of its bound."""
    bound = {
        "mode": "oracle", "formula": "distance to [oracle, reference] <= (4 + 2sqrt(K))u|oracle| + ...", "rounding": 6e-6, "noise": 3e-6,
        "error": 1e-6, "oracle": 1.25, "reference": 1.2500001, "scale": 0.9, "distance": used * 1e-5, "allowed": 1e-5, "unit": 2.0**-24,
        "terms": 64.0,
    }  # fmt: skip
    made = comparison(output, used, bound=bound, shapes={"batch": 2, "rung": "thresholds"})
    more = {"ratio": used, "tensor_ratio": used / 3, "undetermined": 41, "ulp": 12.5, "sqnr_db": 103.25, "exchanged": 2}
    return dataclasses.replace(made, metrics={**made.metrics, **more}, **changes)


def declared(output: str = "y", **changes: Any) -> Comparison:
    """Return a comparison that fails two of the limits a row declares."""
    bound = {
        "mode": "declared", "rtol": 1e-2, "atol": 1e-3, "formula": FORMULA, "min_cosine": 0.999, "max_ulp": 4.0, "top_k": 5,
        "min_top_k": 1.0, "reason": "int8 weights", "expires": "2027-06-30", "row": "fixtures/tolerances.toml, row 3", "preset": "torch",
    }  # fmt: skip
    facts = ("cosine similarity 0.98 is below 0.999", "units in the last place 512 exceeds 4")
    made = comparison(output, 0.5, bound=bound, facts=facts, match=False)
    more = {"cosine": 0.98, "ulp": 512.0, "top_k_agreement": 1.0, "used": 0.5, "fraction": 1.0}
    return dataclasses.replace(made, metrics={**made.metrics, **more}, **changes)


def culprit(**changes: Any) -> dict[str, Any]:
    """Return who is to blame for a mismatch: the fourth of nine layers."""
    names = [f"encoder.layers.{number}.{part}" for number in range(3) for part in ("linear", "norm1", "act")]
    own, inherited, total = [0.0, 0.0, 0.2, 0.2, 3.1e3, *[0.2] * 4], [0.0] * 5, [0.0] * 4
    inherited, total = inherited + [8e3 / place for place in range(5, 9)], total + [0.02 * place for place in range(4, 9)]
    curve = [{"path": p, "own": o, "inherited": i, "total": t} for p, o, i, t in zip(names, own, inherited, total, strict=True)]
    found = {
        "at": {"batch": 2, "rung": "thresholds"}, "graph": None, "hop": "onnx.dynamo", "layer": names[4], "type": "LayerNorm",
        "own_error": 3.1e3, "inherited_error": 0.0, "inputs_agree": True, "curve": curve, "probing_changed_result": False,
        "guilty": [names[4]],
        "suspects": [{"name": "epsilon", "sentence": "epsilon is 0.001, declared 1e-05", "before": 0.08, "after": 1e-7},
                     {"name": "axis", "sentence": "the last axis but one is normalised", "before": 0.08, "after": 0.0007}],
        "note": "showing inner tensors is cheap here",
        "sentence": f"The result differs first after onnx.dynamo, at {names[4]} (LayerNorm), fed with the right inputs, with 3.1e+03 times "
                    "the error it may add; epsilon is 0.001, declared 1e-05.",
    }  # fmt: skip
    return {**found, **changes}


def record(outcome: str = "match", case: str = "unit/relu", route: str = ROUTE, **changes: Any) -> Record:
    """Return a record of ``outcome`` with all that such a record usually holds."""
    framework, target = route.split(">")[0], route.split(">")[-1]
    made = Record(
        id=f"{case}::{route}", case=case, level="unit", family="", route=route, framework=framework, target=target,
        stage=Stage.COMPARE, outcome=Outcome(outcome), comparisons=(comparison(),),
        shapes={"tried": [{"batch": 1}, {"batch": 2}, {"batch": 8}], "failing": [], "judged": 3}, versions=VERSIONS,
        provenance={"device": target.split("@")[1], "provider": "CPUExecutionProvider", "precision": "float32", "share": 1.0},
        timing={"reference": 0.0121, "convert": 1.52, "load": 0.08, "run": 0.0031},
        repro=f"parity repro '{case}' --route '{route}'", file="suites/unit/parity_ops.py",
    )  # fmt: skip
    return dataclasses.replace(made, **{**_FACTS[outcome], **changes})


def _attacked(text: str) -> dict[str, Any]:
    """Return a culprit of the wrong kind everywhere, full of ``text``."""
    bad = {"path": text, "own": text, "inherited": "inf", "total": "nan"}
    curve = [bad, text, {text: text}, {"path": text, "own": float("inf")}, [text], None]
    suspects = [text, {"name": text, "sentence": text, "before": text, "after": text}, [text], None]
    return culprit(
        at={text: text}, graph=text, hop=text, layer=text, type=text, own_error=text, inherited_error={text: text}, inputs_agree=text,
        curve=curve, suspects=suspects, note=text, sentence=text, guilty=[text], **{text: text},
    )  # fmt: skip


_FACTS: dict[str, dict[str, Any]] = {
    "match": {},
    "mismatch": {
        "comparisons": (comparison("y", 41.0), comparison("state", 0.4)),
        "shapes": {"tried": [{"batch": 1}, {"batch": 2}, {"batch": 8}], "failing": [{"batch": 2}, {"batch": 8}], "judged": 3},
        "culprit": culprit(),
    },
    "error": {
        "stage": Stage.CONVERT, "comparisons": (), "messages": ("opset 18 was asked for, 17 was used",),
        "error": {"kind": "error", "type": "RuntimeError", "message": "Failed to export node aten::stft at 0x7f31c0",
                  "traceback": 'Traceback (most recent call last):\n  File "x.py", line 3, in f\nRuntimeError: Failed to export'},
    },
    "crash": {
        "stage": Stage.RUN, "comparisons": (),
        "error": {"kind": "crash", "type": "", "message": "the worker died of SIGSEGV during run", "signal": "SIGSEGV",
                  "stderr": "\x1b[31mFatal Python error: Segmentation fault\x1b[0m\n\n"
                            "Current thread 0x00007f (most recent call first):\n  <no Python frame>"},
    },
    "timeout": {
        "stage": Stage.LOAD, "comparisons": (),
        "error": {"kind": "timeout", "type": "", "message": "load took longer than 300 s", "stderr": "compiling subgraph 14 of 220"},
    },
    "unsupported": {
        "stage": Stage.CONVERT, "comparisons": (),
        "error": {"kind": "unsupported", "type": "Unsupported", "message": "onnx2tf refuses GridSample: OP GridSample is not implemented"},
    },
    "unavailable": {
        "stage": Stage.BUILD, "comparisons": (), "versions": {}, "provenance": {}, "timing": {}, "shapes": None,
        "error": {"kind": "unavailable", "message": "no CUDA device was found",
                  "how": "run on a machine with an NVIDIA GPU and driver 550 or later"},
    },
}  # fmt: skip


def met(reason: str = "GridSample has no kernel yet", **changes: Any) -> dict[str, Any]:
    """Return the facts of an expectation that holds."""
    facts = {
        "met": True,
        "reason": reason,
        "expires": "2027-06-30",
        "row": "fixtures/expectations/tf.toml, row 4",
        "problem": "",
        "issue": "#1204",
    }
    return {**facts, **changes}


def unmet(problem: str) -> dict[str, Any]:
    """Return the facts of an expectation that does not hold."""
    return met(met=False, problem=problem, row="fixtures/expectations/tf.toml, row 7", issue="")


def one_of_each() -> list[Record]:
    """Return one record of every outcome, an expected failure and an unexpected pass."""
    return [
        *(record(str(outcome), f"unit/{outcome}") for outcome in Outcome),
        record("unsupported", "unit/grid-sample", expectation=met()),
        record("match", "unit/healed", expectation=unmet("unexpected pass: unit/healed matches now")),
    ]


HOSTILE = (
    "</script><script>window.pwned=1</script>", "<img src=x onerror=window.pwned=1>", "<!--<script>", "'\"><svg onload=window.pwned=1>",
    "{{ 7*7 }}{% raw %}", "javascript:window.pwned=1", "</noscript></details><script>window.pwned=1</script>", "\u2028\u2029 sep",
    "a\u202egnp.exe", "nul\x00bell\x07", "half \ud800 pair", "模型 ✓ ñ 🙂", "`tick` | pipe | **bold** [x](http://e.example) _u_",
    "]]> &amp; &lt;b&gt;", "\x1b]0;title\x07\x1b[31mred\x1b[0m", "__proto__", "constructor",
)  # fmt: skip


def _hostile_bound(number: int, text: str) -> dict[str, Any]:
    known = {"rtol": 1e-4, "atol": 1e-5, "formula": text, "reason": text, "row": text, "preset": text, "expires": text, text: text}
    names = ("rounding", "noise", "error", "distance", "allowed", "unit", "terms", "oracle", "max_kl", "kl_of", "top_k")
    parts = dict.fromkeys(names, text)
    return known if number % 4 == 3 else {**known, **parts, "mode": ("oracle", "declared", "exact")[number % 4], "min_top_k": text}


def hostile() -> list[Record]:
    """Return records with every text replaced by an attack, or by something hard to print, and metrics that are no numbers."""
    found = []
    for number, text in enumerate(HOSTILE):
        outcome = ("mismatch", "error", "unavailable", "match")[number % 4]
        bad = comparison(
            text, float("nan"), match=outcome == "match", against=("reference", "oracle", "task", text)[number % 4],
            bound=_hostile_bound(number, text), facts=(text,) if number % 2 else (), shapes={text: 3},
        )  # fmt: skip
        bad = dataclasses.replace(bad, metrics={**bad.metrics, text: text, "cosine": float("inf"), "max_rel": float("-inf")})
        found.append(
            record(
                outcome, f"case-{number}-{text}", id=f"{number}:{text}",
                route=f"torch>{text}>ort@cpu", framework=text, target=f"{text}@cpu",
                family=text, level=("unit", "e2e", text)[number % 3], comparisons=(bad, comparison(text)), messages=(text, text * 2),
                shapes={"tried": [{text: 1}], "failing": [{text: 1}], "judged": 1, text: text},
                versions={text: text}, provenance={text: text},
                error=None if outcome == "match" else dict.fromkeys(("type", "message", "traceback", "stderr", "how", text), text),
                timing={text: float("nan")}, latency={text: {text: 1.5}}, culprit=_attacked(text), repro=text, file=text,
                expectation=met(text, problem=text, row=text, issue=text, expires=text) if number % 3 == 0 else None,
            )
        )  # fmt: skip
    return found


FAMILIES = (
    "activation",
    "attention",
    "conv",
    "elementwise",
    "linear",
    "norm",
    "pool",
    "quantize",
    "recurrent",
    "reduce",
    "resize",
    "scatter",
)
ROUTES = (
    "torch>onnx.dynamo>onnxruntime@cpu", "torch>onnx.script>onnxruntime@cpu", "torch>onnx.dynamo[opset=17]>onnxruntime@cpu",
    "torch>onnx.dynamo>openvino@cpu", "torch>openvino.convert>openvino@cpu", "torch>litert.torch>litert@cpu",
    "torch>onnx.dynamo>onnx2tf>litert@cpu", "torch>onnx.dynamo>onnxruntime@cuda", "torch>onnx.dynamo>atc>ascend@npu",
    "tensorflow>tf2onnx>onnxruntime@cpu", "tensorflow>tf2onnx>openvino@cpu", "tensorflow>tflite>litert@cpu",
    "paddle>paddle2onnx>onnxruntime@cpu", "paddle>paddle2onnx>openvino@cpu", "paddle>paddle2onnx>atc>ascend@npu",
    "paddle>x2paddle>paddle@cpu",
    "onnx>onnxruntime@cpu", "onnx>openvino.convert>openvino@cpu", "onnx>onnx2torch>torch@cpu", "onnx>onnx2tf>litert@cpu",
)  # fmt: skip
_UNAVAILABLE = {
    "onnxruntime@cuda": ("no CUDA device was found", "run on a machine with an NVIDIA GPU and driver 550 or later"),
    "ascend@npu": ("toolchain cann: atc is not on the PATH", "install the CANN toolkit 8.0 and source set_env.sh"),
}


def realistic() -> list[Record]:
    """Return what an ordinary run of a mixed fleet looks like: mostly matches, some of everything else."""
    dice = random.Random(20270111)
    cases = [(f"unit/{family}/{n}", "unit", family) for family in FAMILIES for n in ("plain", "dynamic", "broadcast")]
    cases += [(f"module/{name}", "module", "") for name in ("bert-block", "gru-cell", "mbconv", "swin-block", "rope")]
    cases += [(f"e2e/{name}", "e2e", "") for name in ("resnet18", "bert-tiny", "minilm", "yolo-nano", "wav2vec-mini")]
    return [_likely(dice, case, level, family, route) for route, (case, level, family) in itertools.product(ROUTES, cases)]


def _likely(dice: random.Random, case: str, level: str, family: str, route: str) -> Record:
    facts: dict[str, Any] = {"level": level, "family": family, "replayed": dice.random() < 0.6}
    target = route.split(">")[-1]
    if target in _UNAVAILABLE:
        reason, how = _UNAVAILABLE[target]
        return record(
            "unavailable", case, route, error={"kind": "unavailable", "message": reason, "how": how}, **{**facts, "replayed": False}
        )
    luck = dice.random()
    if "onnx2tf" in route and family == "resize":
        return record("unsupported", case, route, expectation=met(), **facts)
    if "paddle2onnx" in route and family == "recurrent":
        return record("crash", case, route, **facts)
    if "litert" in route and family == "attention" and luck < 0.6:
        return record("error", case, route, **facts)
    if ("script" in route and luck < 0.05) or ("x2paddle" in route and luck < 0.08):
        return record("mismatch", case, route, **facts)
    if "openvino" in route and luck < 0.01:
        return record("timeout", case, route, **facts)
    used = 10 ** dice.uniform(-3, -0.4)
    outputs = tuple(comparison(name, used / (1 + n)) for n, name in enumerate(("logits", "hidden") if level == "e2e" else ("y",)))
    latency = {"median_ms": round(dice.uniform(0.2, 9), 3), "p90_ms": 9.4, "iterations": 100} if level == "e2e" else None
    messages = ("constant folding was skipped for 2 nodes",) if luck > 0.9 else ()
    return record(
        "match", case, route, comparisons=(*outputs, *((task(),) if level == "e2e" else ())), latency=latency, messages=messages, **facts
    )


def many(total: int, *, comparisons: int = 6) -> list[Record]:
    """Return ``total`` records with ``comparisons`` comparisons each, every one different."""
    dice = random.Random(7)
    found = []
    for number in range(total):
        route = ROUTES[number % len(ROUTES)]
        outcome = "match" if number % 9 else ("mismatch", "error", "crash", "unsupported")[number // 9 % 4]
        inside = tuple(
            dataclasses.replace(comparison(f"out{n % 2}", dice.uniform(0, 0.9)), shapes={"batch": n + 1, "seq": dice.randrange(1, 512)})
            for n in range(comparisons)
        )
        changes = {"comparisons": inside} if outcome == "match" else {}
        found.append(record(outcome, f"unit/{FAMILIES[number % 12]}/case-{number}", route, family=FAMILIES[number % 12], **changes))
    return found


GATE = {
    "passed": False, "code": 1, "problems": ["unmatched: no cell of the whole matrix is named by case unit/old-op on route torch>*"],
    "reasons": [
        "9 cells: mismatch: unit/pool/plain on torch>onnx.script>onnxruntime@cpu; unit/norm/dynamic on torch>onnx.script>onnxruntime@cpu",
        "9 cells: crash: unit/recurrent/plain on paddle>paddle2onnx>onnxruntime@cpu; and 8 more",
        "unmatched: no cell of the whole matrix is named by case unit/old-op on route torch>*",
    ],
}  # fmt: skip
RUN = {
    "started": "2027-01-11 09:14:02 UTC", "took": "6 min 31 s", "commit": "1f0c9ab", "python": "3.11.2",
    "platform": "Linux 6.1 x86_64, glibc 2.36", "cpu": "16 × AMD EPYC 9354", "command": "pytest -m parity -n 8 --parity-html",
}  # fmt: skip
