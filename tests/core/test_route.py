"""A route is written and read in one way, and what cannot be read says why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import UsageError, unknown
from harness.core.protocols import Option
from harness.core.registry import registry
from harness.core.route import Hop, Route, find_routes, parse_route

FOUND = registry()
DEVICES = tuple(device for runtime in FOUND.runtimes.values() for device in runtime.devices)
ROUTES = find_routes(FOUND, max_hops=3, devices=DEVICES)


def settings_of(option: Option) -> st.SearchStrategy[str]:
    """Return values of an option, as written, its default among them."""
    if option.choices:
        return st.sampled_from([str(choice) for choice in option.choices])
    if isinstance(option.default, bool):
        return st.sampled_from(["true", "false", "yes", "no", "1", "0"])
    if isinstance(option.default, int):
        return st.integers(-9, 99).map(str)
    return st.text("abcxyz0189._/>-", min_size=1, max_size=8) if isinstance(option.default, str) else st.floats(0.25, 8, width=16).map(str)


@st.composite
def written(draw: Any) -> str:
    """Draw a route with options as somebody would type it."""
    route: Route = draw(st.sampled_from(ROUTES))
    parts = [route.framework]
    for kind, hop in [*(("converters", hop) for hop in route.converters), ("runtimes", route.runtime)]:
        options = draw(st.lists(st.sampled_from(FOUND.get(kind, hop.name).options), unique_by=lambda o: o.name)
                       if FOUND.get(kind, hop.name).options else st.just([]))  # fmt: skip
        pairs = ",".join(f"{option.name}={draw(settings_of(option))}" for option in options)
        parts.append(hop.name + (f"[{pairs}]" if pairs else ""))
    return ">".join(parts) + f"@{route.device}"


@given(written())
def test_a_route_that_was_read_is_written_and_read_again_alike(text: str) -> None:
    route = parse_route(text, FOUND)
    assert parse_route(str(route), FOUND) == route
    assert str(parse_route(str(route), FOUND)) == str(route)


@pytest.mark.parametrize("route", ROUTES[:: max(1, len(ROUTES) // 40)], ids=str)
def test_every_route_found_can_be_read(route: Route) -> None:
    assert parse_route(str(route), FOUND) == route


def test_defaults_are_left_out_and_options_sorted() -> None:
    assert str(parse_route("onnx>onnxruntime[threads=2,optimisation=all]@cpu", FOUND)) == "onnx>onnxruntime[threads=2]@cpu"
    both = parse_route("onnx>onnxruntime[threads=2,optimisation=basic]", FOUND)
    assert str(both) == "onnx>onnxruntime[optimisation=basic,threads=2]@cpu"
    assert both.target == "onnxruntime@cpu"


def test_found_routes_are_sorted_unique_and_visit_no_format_twice() -> None:
    texts = [str(route) for route in ROUTES]
    assert len(set(texts)) == len(texts)
    assert [len(route.converters) for route in ROUTES] == sorted(len(route.converters) for route in ROUTES)
    for route in ROUTES:
        formats = [FOUND.frameworks[route.framework].format, *(FOUND.converters[name].target for name in route.converter_names)]
        assert len(set(formats)) == len(formats)
        assert len(route.converters) <= 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("onnx", "needs at least a framework and a runtime"),
        ("onxn>onnxruntime@cpu", "unknown framework 'onxn'; did you mean onnx"),
        ("onnx>onnxruntim@cpu", "unknown runtime 'onnxruntim'; did you mean onnxruntime"),
        ("torch>onnx.dynamoo>onnxruntime@cpu", "unknown converter 'onnx.dynamoo'; did you mean onnx.dynamo"),
        ("onnx>onnx.dynamo>onnxruntime@cpu", "onnx.dynamo takes torch.module, not onnx"),
        ("torch>onnxruntime@cpu", "runtime onnxruntime takes onnx, not torch.module"),
        ("onnx>onnxruntime@toaster", "runtime onnxruntime has no device 'toaster'; it has cpu"),
        ("onnx>onnxruntime[thread=1]@cpu", "onnxruntime has no option 'thread'; it has optimisation, threads"),
        ("onnx>onnxruntime[threads=many]@cpu", "option threads='many'; expected a value of type int"),
        ("onnx>onnxruntime[optimisation=some]@cpu", "option optimisation='some'; expected one of all, extended"),
        ("onnx>onnxruntime[threads]@cpu", "option 'threads' has no value; write name=value"),
        ("onnx>>onnxruntime@cpu", "cannot read ''"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_route(text, FOUND)
    assert said in str(caught.value)


def test_unknown_names_the_nearest_else_all() -> None:
    assert str(unknown("runtime", "onnxrt", ["onnxruntime", "openvino"])).endswith("did you mean onnxruntime?")
    assert str(unknown("runtime", "zzz", ["b", "a"])) == "unknown runtime 'zzz'; known: a, b"
    assert str(unknown("runtime", "zzz", [])).endswith("known: none")


def test_hops_without_options_are_their_name() -> None:
    assert str(Hop(name="a", options={})) == "a"
    assert str(Hop(name="a", options={"y": "2", "x": "1"})) == "a[x=1,y=2]"
