"""The command line: what is here, how to get the rest, and a look at the cache."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness import ascend_command, bench_command, check_command, expect_command, fuzz_command, mutate_command, selftest_command
from harness.core.errors import ParityError, Unavailable, UsageError, unknown
from harness.core.registry import registry
from harness.core.route import adapters_of
from harness.engine import envs
from harness.engine.cache import Cache
from harness.engine.settings import matches, routes_for, settings_from, table_of
from harness.engine.toolchains import locate, toolchains


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 2 after a usage error told in one message."""
    given = _parser().parse_args(arguments)
    try:
        return int(given.run(given, Console()))
    except UsageError as error:
        print(f"parity: {error}", file=sys.stderr)  # noqa: T201 (a command line speaks)
        return 2
    except ParityError as error:
        print(f"parity: {error}", file=sys.stderr)  # noqa: T201 (a command line speaks)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="parity", description="Does the converted model still compute the same thing?")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check_command.declare(commands)
    bench_command.declare(commands)
    expect_command.declare(commands)
    mutate_command.declare(commands)
    fuzz_command.declare(commands)
    selftest_command.declare(commands)
    ascend_command.declare(commands)
    routes = commands.add_parser("routes", help="every route found here; --all lists longer ones too")
    routes.add_argument("pattern", nargs="?", default="*", help="only routes that match, for example 'torch>*>onnxruntime@*'")
    routes.add_argument("--all", action="store_true", help="not only the shortest routes of each pair")
    routes.set_defaults(run=_routes)
    commands.add_parser("doctor", help="toolchains: here, missing, how to get them").set_defaults(run=_doctor)
    env = commands.add_parser("env", help="managed virtual environments").add_subparsers(required=True, metavar="ACTION")
    for action, text in (("build", "build one from its lock file"), ("remove", "remove one")):
        sub = env.add_parser(action, help=text)
        sub.add_argument("name")
        sub.set_defaults(run=_build if action == "build" else _remove)
    env.add_parser("list", help="those that are built").set_defaults(run=_list)
    cache = commands.add_parser("cache", help="what is remembered between runs").add_subparsers(required=True, metavar="ACTION")
    cache.add_parser("info", help="folder, entries, size").set_defaults(run=_cache_info)
    cache.add_parser("clean", help="forget everything").set_defaults(run=_cache_clean)
    return parser


def _routes(given: argparse.Namespace, console: Console) -> int:
    root = Path.cwd()
    settings = settings_from(table_of(root), root, {"full": given.all or None})
    found = registry()
    table = Table("route", "here")
    for route in routes_for(settings, found, (given.pattern,)):
        if not matches(str(route), given.pattern):
            continue
        table.add_row(escape(str(route)), escape(_state(sorted({adapter.toolchain for adapter in adapters_of(route, found)}))))
    console.print(table)
    return 0


def _state(names: Sequence[str]) -> str:
    for name in names:
        try:
            locate(name)
        except Unavailable as absent:
            return f"unavailable: {absent.how}"
    return "yes"


def _doctor(_: argparse.Namespace, console: Console) -> int:
    table = Table("toolchain", "state", "versions, or how to get it", "what it is")
    for name, toolchain in toolchains().items():
        try:
            found = locate(name)
            listed = (*([toolchain.install.name] if toolchain.install else []), *toolchain.distributions)
            versions = ", ".join(f"{d} {found.versions[d]}" for d in listed if d in found.versions)
            table.add_row(name, found.origin, versions, toolchain.summary)
        except Unavailable as absent:
            table.add_row(name, "unavailable", escape(f"{absent.reason}; {absent.how}"), toolchain.summary)
    console.print(table)
    return 0


def _build(given: argparse.Namespace, console: Console) -> int:
    known = toolchains()
    if given.name not in known:
        raise unknown("toolchain", given.name, known)
    toolchain = known[given.name]
    if toolchain.lock is None:
        raise UsageError(f"toolchain {given.name} lives in the current environment; get it with: {toolchain.how}")
    envs.build(toolchain.name, toolchain.lock, toolchain.python, toolchain.imports, console.print)
    return 0


def _remove(given: argparse.Namespace, console: Console) -> int:
    gone = envs.remove(given.name)
    if not gone:
        raise unknown("managed environment", given.name, [name for name, _, _ in envs.built()])
    for place in gone:
        console.print(f"removed {place}")
    return 0


def _list(_: argparse.Namespace, console: Console) -> int:
    table = Table("name", "size", "folder")
    for name, place, size in envs.built():
        table.add_row(name, f"{size / 2**20:.0f} MiB", str(place))
    console.print(table)
    return 0


def _cache_info(_: argparse.Namespace, console: Console) -> int:
    info = Cache().info()
    console.print(f"{info['entries']} entries, {info['bytes'] / 2**20:.1f} of {info['limit'] / 2**20:.0f} MiB in {info['folder']}")
    return 0


def _cache_clean(_: argparse.Namespace, console: Console) -> int:
    console.print(f"removed {Cache().clean()} entries")
    return 0
