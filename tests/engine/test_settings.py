"""Settings: each key refuses another type, options lie over the table, names that nobody knows are told."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.registry import registry
from harness.engine.settings import KEYS, check_routes, routes_for, routes_of, settings_from, size, table_of

ROOT = Path("/project")
FOUND = registry()
PAIR = ["onnx>onnxruntime@cpu", "onnx>onnx.reference@cpu"]
# Everything TOML can hold; what is right for a key is taken out below.
VALUES: tuple[Any, ...] = ("text", 1, 2.5, True, ["text"], [1], {"a": 1}, datetime.date(2030, 1, 1), -1, 0, float("inf"), float("nan"))
RIGHT: dict[str, tuple[type, ...]] = {
    "a list of texts": (list,), "a text": (str,), "a table": (dict,), "a whole number >= 0": (int,), "a whole number >= 1": (int,),
    "a number of seconds > 0": (int, float), "a list of file names and rows, or one table": (list, dict),
    "true or false": (bool,), "a list of levels among unit and module": (list, str),
}  # fmt: skip


def right(kind: str, value: Any) -> bool:
    """Return whether a value is right for a kind of setting, said again in other words than the code's."""
    if type(value) not in RIGHT[kind]:
        return False
    if "number" in kind:
        return 0 < value < float("inf") or (value == 0 and kind.endswith(">= 0"))
    return value != [1]


@pytest.mark.parametrize("key", KEYS)
def test_each_key_refuses_what_it_is_not(key: str) -> None:
    refused = [value for value in VALUES if not right(KEYS[key], value)]
    assert len(refused) >= 6
    for value in refused:
        with pytest.raises(UsageError) as caught:
            settings_from({key: value}, ROOT, {})
        assert str(caught.value) == f"[tool.parity] {key} = {value!r}; expected {KEYS[key]}"


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unknown setting in \[tool.parity\] 'rotues'; did you mean routes"):
        settings_from({"rotues": []}, ROOT, {})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"timeout": -1.0}, "option --parity-timeout is -1.0; expected a number of seconds > 0"),
        ({"timeout": float("nan")}, "option --parity-timeout is nan; expected a number of seconds > 0"),
        ({"hops": -1}, "option --parity-hops is -1; expected a whole number >= 0"),
        ({"memory": "much"}, "size 'much'; expected a number and a unit, for example 6G or 512M"),
    ],
)
def test_a_wrong_option_is_told(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings_from({}, ROOT, given)
    assert str(caught.value) == said


def test_options_lie_over_the_table_over_the_defaults() -> None:
    table = {"timeout": 5, "memory": "512M", "report": "there", "hops": 3, "threads": 1, "expectations": ["rows.toml"]}
    settings = settings_from(table, ROOT, {"timeout": 7.5, "hops": None, "sources": [], "share": 4})
    assert (settings.limits.timeout, settings.limits.memory, settings.limits.threads) == (7.5, 512 * 2**20, 1)
    assert settings.limits.total_memory * 4 == settings_from({}, ROOT, {}).limits.total_memory
    assert (settings.hops, settings.report, settings.expectations) == (3, ROOT / "there", (ROOT / "rows.toml",))


@pytest.mark.parametrize(
    ("given", "twin"),
    [
        ({"targets": ["onnxruntime"]}, {"targets": ["onnxruntime"]}),
        ({"targets": ["onnxruntime@cuda"]}, {"targets": ["onnxruntime@cuda"]}),
        ({"sources": ["onnx", "torch"]}, {"sources": ["onnx", "torch"]}),
        ({"routes": PAIR}, {"routes": PAIR}),
        ({"devices": ["cuda"]}, {"devices": ["cuda"]}),
        ({"full": True, "hops": 1}, {"hops": 1, "routes": ["*"]}),
    ],
    ids=lambda part: "-".join(part),
)
def test_an_option_chooses_the_routes_that_its_setting_does(given: dict[str, Any], twin: dict[str, Any]) -> None:
    by_option, by_table = (routes_for(settings, FOUND) for settings in (settings_from({}, ROOT, given), settings_from(twin, ROOT, {})))
    assert list(map(str, by_option)) == list(map(str, by_table)) != []
    assert by_option != routes_for(settings_from({}, ROOT, {}), FOUND)


def test_a_device_that_a_target_or_route_names_is_considered() -> None:
    for given in ({"targets": ["onnxruntime@cuda"], "sources": ["onnx"], "hops": 0}, {"routes": ["onnx>onnxruntime@cuda"]}):
        assert list(map(str, routes_for(settings_from({}, ROOT, given), FOUND))) == ["onnx>onnxruntime@cuda"]


def test_a_route_without_wild_cards_may_have_options_and_any_length() -> None:
    text = "torch>onnx.dynamo>torch.onnx2torch>torch.export>torch.exported@cpu"
    given = {"routes": [text, "onnx>onnxruntime[threads=2]@cpu"], "hops": 1}
    assert list(map(str, routes_for(settings_from({}, ROOT, given), FOUND))) == [text, "onnx>onnxruntime[threads=2]@cpu"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sources": ["onxn"]}, "unknown framework 'onxn'; did you mean onnx?"),
        ({"targets": ["onnxruntim"]}, "unknown runtime 'onnxruntim'; did you mean onnxruntime"),
        ({"targets": ["onnxruntime@cuad"]}, "unknown device of runtime onnxruntime 'cuad'; did you mean cuda"),
        ({"devices": ["cup"]}, "unknown device 'cup'; did you mean cpu"),
        ({"routes": ["onnx>onnxruntim@*"]}, "unknown route pattern 'onnx>onnxruntim@*'; did you mean onnx>onnxruntime@cpu"),
        ({"routes": ["onnx>onnxruntim@cpu"]}, "unknown runtime 'onnxruntim'; did you mean onnxruntime"),
    ],
)
def test_names_nobody_knows_are_told_with_the_nearest(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        routes_for(settings_from({}, ROOT, given), FOUND)
    assert said in str(caught.value)


def test_a_case_runs_where_it_and_its_level_admit() -> None:
    settings = settings_from({"routes": PAIR, "levels": {"unit": ["*reference*"]}}, ROOT, {})
    routes = routes_for(settings, FOUND)
    unit, module = (Case(id="c", inputs=(), build={"onnx": int}, level=level) for level in ("unit", "module"))
    assert list(map(str, routes_of(unit, routes, settings))) == PAIR[1:]
    assert sorted(map(str, routes_of(module, routes, settings))) == sorted(PAIR)
    narrow = Case(id="c", inputs=(), build={"onnx": int}, routes=("*>onnxruntime@*",))
    assert list(map(str, routes_of(narrow, routes, settings))) == PAIR[:1]


def test_a_case_that_could_never_run_is_told() -> None:
    check_routes(Case(id="c", inputs=(), build={"onnx": int}, routes=("onnx>onnxruntime[threads=2]@cpu", "*@cuda")), FOUND)
    with pytest.raises(UsageError, match="case 'c': unknown framework 'onxn'; did you mean onnx"):
        check_routes(Case(id="c", inputs=(), build={"onxn": int}), FOUND)
    with pytest.raises(UsageError, match="case 'c': unknown route pattern 'torch>"):
        check_routes(Case(id="c", inputs=(), build={"onnx": int}, routes=("torch>*",)), FOUND)


@pytest.mark.parametrize(("text", "expected"), [("6G", 6 * 2**30), ("512 MiB", 512 * 2**20), ("1.5k", 1536), ("7", 7)])
def test_a_size_is_read(text: str, expected: int) -> None:
    assert size(text) == expected


def test_the_table_must_be_one_and_may_be_missing(tmp_path: Path) -> None:
    assert table_of(tmp_path) == {}
    (tmp_path / "pyproject.toml").write_text("[tool]\nparity = 3")
    with pytest.raises(UsageError, match=r"\[tool.parity\] must be a table"):
        table_of(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool")
    with pytest.raises(UsageError, match=r"pyproject.toml is not valid TOML"):
        table_of(tmp_path)
