"""A `Route`: framework, converters in order, runtime, device. Found in the graph of formats.

Written ``torch>onnx.dynamo[opset=18]>onnxruntime@cpu``; an option that has its default is left out.
"""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

from harness.core.errors import UsageError
from harness.core.protocols import ANY, option_values
from harness.core.registry import Registry
from harness.core.value import value

_HOP = re.compile(r"^(?P<name>[A-Za-z0-9_.+-]+)(\[(?P<options>[^\]]*)\])?(@(?P<device>[A-Za-z0-9_.:-]+))?$")


@value
class Hop:
    """One adapter of a route with its options, as written (text values; defaults left out)."""

    name: str
    options: Mapping[str, str]

    def __str__(self) -> str:
        if not self.options:
            return self.name
        return f"{self.name}[{','.join(f'{k}={v}' for k, v in sorted(self.options.items()))}]"


@value
class Route:
    """Framework, converters in order, runtime and device. ``str(route)`` is its one spelling."""

    framework: str
    converters: tuple[Hop, ...]
    runtime: Hop
    device: str

    def __str__(self) -> str:
        return ">".join([self.framework, *map(str, self.converters), f"{self.runtime}@{self.device}"])

    @property
    def target(self) -> str:
        """Runtime and device: the column of the compatibility matrix."""
        return f"{self.runtime.name}@{self.device}"

    @property
    def converter_names(self) -> tuple[str, ...]:
        """The converters' names, in order, without options."""
        return tuple(hop.name for hop in self.converters)


def _split(text: str) -> list[str]:
    return re.split(r">(?![^\[]*\])", text)


def _hop(text: str, route: str) -> tuple[Hop, str]:
    found = _HOP.match(text.strip())
    if not found:
        raise UsageError(f"route {route!r}: cannot read {text!r}; write for example torch>onnx.dynamo[opset=18]>onnxruntime@cpu")
    options = {}
    for pair in filter(None, (found["options"] or "").split(",")):
        name, equals, setting = pair.partition("=")
        if not equals:
            raise UsageError(f"route {route!r}: option {pair!r} has no value; write name=value")
        options[name.strip()] = setting.strip()
    return Hop(name=found["name"], options=options), found["device"] or ""


def parse_route(text: str, registry: Registry) -> Route:
    """Return the route written as ``text``.

    Raises `UsageError` when it cannot be read, names an unknown adapter, option or device, or joins
    a converter to a format it does not take.
    """
    parts = _split(text)
    if len(parts) < 2:
        raise UsageError(f"route {text!r} needs at least a framework and a runtime, joined by '>'")
    hops = [_hop(part, text) for part in parts]
    framework = registry.get("frameworks", hops[0][0].name)
    fmt = framework.format
    converters = []
    for hop, _ in hops[1:-1]:
        converter = registry.get("converters", hop.name)
        if fmt not in converter.sources and ANY not in converter.sources:
            raise UsageError(f"route {text!r}: {hop.name} takes {' or '.join(converter.sources)}, not {fmt}")
        converters.append(Hop(name=hop.name, options=_canonical(converter, hop.options, text)))
        fmt = converter.target
    last, device = hops[-1]
    runtime = registry.get("runtimes", last.name)
    if fmt not in runtime.accepts:
        raise UsageError(f"route {text!r}: runtime {last.name} takes {' or '.join(runtime.accepts)}, not {fmt}")
    device = device or runtime.devices[0]
    if device not in runtime.devices:
        raise UsageError(f"route {text!r}: runtime {last.name} has no device {device!r}; it has {', '.join(runtime.devices)}")
    return Route(
        framework=framework.name, converters=tuple(converters), device=device,
        runtime=Hop(name=last.name, options=_canonical(runtime, last.options, text)),
    )  # fmt: skip


def _canonical(adapter: Any, given: Mapping[str, str], route: str) -> dict[str, str]:
    values = option_values(adapter, given, f"route {route!r}")
    defaults = {option.name: option.default for option in adapter.options}
    return {
        name: str(values[name]).lower() if isinstance(values[name], bool) else str(values[name])
        for name in given
        if values[name] != defaults[name]
    }


def adapters_of(route: Route, registry: Registry) -> list[Any]:
    """Return the adapters of a route in order: its framework, its converters, its runtime."""
    converters = [registry.get("converters", name) for name in route.converter_names]
    return [registry.get("frameworks", route.framework), *converters, registry.get("runtimes", route.runtime.name)]


def find_routes(registry: Registry, *, max_hops: int = 2, devices: tuple[str, ...] = ("cpu",)) -> list[Route]:
    """Return every route of at most ``max_hops`` converters, shortest first, in a stable order.

    No converter occurs twice and no format is visited twice. Only ``devices`` are considered.
    """
    routes = []
    for framework in registry.frameworks.values():
        for chain, fmt in _chains(registry, framework.format, max_hops):
            for runtime in registry.runtimes.values():
                if fmt not in runtime.accepts:
                    continue
                routes += [
                    Route(framework=framework.name, converters=chain, runtime=Hop(name=runtime.name, options={}), device=device)
                    for device in runtime.devices
                    if device in devices
                ]
    return sorted(routes, key=lambda route: (len(route.converters), str(route)))


def _chains(registry: Registry, start: str, most: int) -> Iterator[tuple[tuple[Hop, ...], str]]:
    stack: list[tuple[tuple[Hop, ...], str, frozenset[str]]] = [((), start, frozenset([start]))]
    while stack:
        chain, fmt, seen = stack.pop()
        yield chain, fmt
        if len(chain) == most:
            continue
        for converter in registry.converters.values():
            if fmt in converter.sources and converter.target not in seen:
                stack.append(((*chain, Hop(name=converter.name, options={})), converter.target, seen | {converter.target}))
