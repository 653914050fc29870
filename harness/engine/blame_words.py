"""What is said of whoever is to blame: plain data, and one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.engine.worker import WorkerFailure
from harness.numerics.localise import Verdict

CURVE = 200


def told(hop: str, verdict: Verdict, suspects: list[dict[str, Any]], moved: bool, notes: list[str]) -> dict[str, Any]:
    """Return the verdict over the layers after a hop as plain data."""
    layer = verdict.culprit
    name, kind = "", ""
    if verdict.between:
        name, kind = f"between {verdict.between[0]} and {verdict.between[1]}", "code of no module"
        if verdict.between[0] in verdict.unmatched:
            notes.append(f"the target does not show what {verdict.between[0]} made: it may be that layer as well as what follows it")
    elif layer is not None and layer.since:
        name, kind = f"between {layer.since[0]} and {layer.name}", layer.type
        notes.append(f"the target does not show what {', '.join(layer.since)} made; the error is that of all up to {layer.name}")
    elif layer is not None:
        name, kind = layer.name, layer.type
    elif verdict.curve:
        most = max(verdict.curve, key=lambda item: item.inherited)
        largest = max(verdict.curve, key=lambda item: item.own)
        notes.append(
            f"small errors grow most at {most.name} ({most.type}), to {most.inherited:.3g} times its bound; "
            f"the largest of one layer is {largest.own:.2g} of its bound, at {largest.name}"
        )
    others = [other.name for other in verdict.guilty if layer is not None and other.place != layer.place]
    if others and not verdict.between:
        notes.append(f"also beyond their own bound: {', '.join(others[:8])}")
    found = answer(hop, layer=name, type=kind, note="; ".join(notes))
    if layer is not None:
        found.update(own_error=layer.own, inherited_error=layer.inherited, inputs_agree=layer.inputs_agree)
    curve = [{"path": item.name, "own": item.own, "inherited": item.inherited, "total": item.total} for item in verdict.curve[:CURVE]]
    found.update(suspects=suspects, curve=curve, probing_changed_result=moved, guilty=[item.name for item in verdict.guilty])
    found["sentence"] = sentence(found, len(verdict.curve))
    return found


def answer(hop: str, *, layer: str = "", type: str = "", note: str = "") -> dict[str, Any]:
    """Return a culprit as plain data, with the keys that `harness.engine.blame.culprit` describes."""
    found: dict[str, Any] = {
        "hop": hop, "layer": layer, "type": type, "own_error": None, "inherited_error": None, "inputs_agree": None, "suspects": [],
        "curve": [], "probing_changed_result": False, "note": note, "sentence": "",
    }  # fmt: skip
    found["sentence"] = sentence(found, 0)
    return found


def sentence(answer: Mapping[str, Any], judged: int) -> str:
    """Return the verdict in one sentence."""
    hop = f"after {answer['hop']}" if answer["hop"] else "somewhere"
    if not answer["layer"]:
        seen = f"none of the {judged} layers compared is beyond its own bound" if judged else "its layers were not compared"
        return f"The result differs first {hop}; {seen}."
    words = f"The result differs first {hop}, at {answer['layer']} ({answer['type']})"
    if answer["own_error"] is not None:
        fed = "fed with the right inputs" if answer["inputs_agree"] else "whose inputs differ already"
        far = answer["own_error"]
        beyond = "another shape, NaN or infinities" if far == float("inf") else f"{far:.3g} times the error it may add"
        words += f", {fed}, with {beyond}"
    if answer["suspects"]:
        words += f"; {answer['suspects'][0]['sentence']}"
    return words + "."


def said(failure: BaseException) -> str:
    """Return a failure in one line."""
    text = f"{failure.kind}: {failure.detail.get('message', '')}" if isinstance(failure, WorkerFailure) else str(failure)
    return " ".join(text.split())[:300]
