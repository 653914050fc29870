"""Every adapter found here fulfils its protocol, says what its options are, and has a place in the graph of formats."""

from __future__ import annotations

import re
from typing import Any

import pytest

from harness.core.artifact import FORMATS
from harness.core.protocols import ANY, Converter, Framework, Option, Runtime
from harness.core.registry import KINDS, registry
from harness.core.route import find_routes
from harness.engine.toolchains import toolchains

PROTOCOLS = {"frameworks": Framework, "converters": Converter, "runtimes": Runtime}
FOUND = [(kind, name) for kind in KINDS for name in getattr(registry(), kind)]
OPTIONED = [(kind, name) for kind, name in FOUND if kind != "frameworks"]


def texts(value: Any) -> bool:
    """Return whether ``value`` is a tuple of texts, none empty or twice."""
    return isinstance(value, tuple) and all(isinstance(item, str) and item for item in value) and len(set(value)) == len(value)


@pytest.mark.parametrize(("kind", "name"), FOUND)
def test_an_adapter_fulfils_its_protocol(kind: str, name: str) -> None:
    adapter = registry().get(kind, name)
    assert isinstance(adapter, PROTOCOLS[kind])
    assert re.fullmatch(r"[a-z0-9][A-Za-z0-9_.+-]*", adapter.name), "a name is written in routes"
    assert adapter.toolchain in toolchains(), f"fixtures/toolchains/{adapter.toolchain}.toml is missing"
    assert texts(adapter.distributions)
    if kind == "frameworks":
        assert isinstance(adapter.format, str)
        assert adapter.format
    if kind == "converters":
        assert texts(adapter.sources)
        assert adapter.sources
        assert isinstance(adapter.target, str)
        own = name.endswith((".mutate", ".quantise", ".float16"))
        assert adapter.target not in adapter.sources or own, "only faults and other precisions lead to where they came from"
    if kind == "runtimes":
        assert texts(adapter.accepts)
        assert adapter.accepts
        assert texts(adapter.devices)
        assert adapter.devices


@pytest.mark.parametrize(("kind", "name"), OPTIONED)
def test_options_have_a_type_a_default_and_help(kind: str, name: str) -> None:
    options = registry().get(kind, name).options
    assert isinstance(options, tuple)
    assert len({option.name for option in options}) == len(options)
    for option in options:
        assert isinstance(option, Option)
        assert re.fullmatch(r"[a-z][a-z0-9_]*", option.name)
        assert type(option.default) in (bool, int, float, str)
        assert option.help.strip()
        assert "\n" not in option.help
        assert not option.choices or option.default in option.choices
        text = str(option.default).lower() if isinstance(option.default, bool) else str(option.default)
        assert option.read(text, "here") == option.default, "its default can be written in a route"


def test_every_format_is_made_by_something_and_leads_to_a_runtime() -> None:
    found = registry()
    produced = {framework.format for framework in found.frameworks.values()} | {c.target for c in found.converters.values()}
    for name, converter in found.converters.items():
        missing = set(converter.sources) - produced - {ANY}
        assert not missing, f"nothing makes {', '.join(missing)}, which {name} takes"
    for name, runtime in found.runtimes.items():
        missing = set(runtime.accepts) - produced
        assert not missing, f"nothing makes {', '.join(missing)}, which {name} takes"
    used = {part for c in found.converters.values() for part in c.sources} | {f for r in found.runtimes.values() for f in r.accepts}
    for name, converter in found.converters.items():
        assert converter.target in used, f"nothing takes {converter.target}, which {name} makes"


def test_every_adapter_is_on_some_route() -> None:
    found = registry()
    devices = tuple(device for runtime in found.runtimes.values() for device in runtime.devices)
    routes = find_routes(found, max_hops=4, devices=devices)
    assert {route.framework for route in routes} == set(found.frameworks)
    assert {route.runtime.name for route in routes} == set(found.runtimes)
    on_route = {name for route in routes for name in route.converter_names}
    named_only = {name for name, c in found.converters.items() if ANY in c.sources or c.target in c.sources}
    assert set(found.converters) - named_only == on_route


def test_formats_told_by_file_names_are_formats_somebody_takes() -> None:
    taken = {fmt for runtime in registry().runtimes.values() for fmt in runtime.accepts}
    assert set(FORMATS.values()) <= taken | {framework.format for framework in registry().frameworks.values()}


def test_names_are_one_spelling_each() -> None:
    for kind in KINDS:
        names = list(getattr(registry(), kind))
        assert len({re.sub(r"[^a-z0-9]", "_", name.lower()) for name in names}) == len(names), f"{kind}: two names give one marker"


@pytest.mark.parametrize("name", sorted(toolchains()))
def test_a_toolchain_is_used_described_and_locked_where_it_says(name: str) -> None:
    toolchain = toolchains()[name]
    users = [adapter for kind in KINDS for adapter in getattr(registry(), kind).values() if adapter.toolchain == name]
    assert users, f"no adapter runs in toolchain {name}"
    assert toolchain.summary.strip()
    assert toolchain.imports
    assert toolchain.lock is None or toolchain.lock.is_file()
    assert toolchain.lock or toolchain.requires, "neither here nor built"
