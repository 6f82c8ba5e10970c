"""The boards: built from code, understood by Grafana 13, readable from five metres."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from grafana_foundation_sdk.models import units

from resonanz_dashboards.boards.__main__ import BOARDS as BUILDERS
from resonanz_dashboards.boards.parts import as_json
from tests.operation.board_files import BOARDS, FOLDER, expressions, nodes, panels, selectors
from tests.operation.conftest import run

SCHEMA = Path(__file__).with_name("grafana-13.schema.json")
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
UNITS = {value for name, value in vars(units).items() if name[0].isupper() and isinstance(value, str)}
COLUMNS, ROWS = 24, 26
RATES = {"rate", "increase"}


def test_the_files_are_what_the_code_builds() -> None:
    assert set(BUILDERS) == set(BOARDS)
    for name, build in BUILDERS.items():
        assert (FOLDER / name).read_text() == as_json(build()), (
            "write it anew with: python -m resonanz_dashboards.boards"
        )


def told_by_grafanas_types(board: Mapping[str, Any], folder: Path) -> tuple[int, str]:
    """What is wrong with a board, and with the options of its kinds of panels."""
    kinds = {panel["type"]: panel["options"] for panel in board["panels"]}
    assert set(kinds) == {"stat", "bargauge"}
    (folder / "board.json").write_text(json.dumps({"dashboard": board, **kinds}))
    tool = Path(sys.executable).with_name("check-jsonschema")
    return run(tool, "--schemafile", SCHEMA, folder / "board.json")


def test_grafana_13_knows_every_field(tmp_path: Path) -> None:
    for board in BOARDS.values():
        assert told_by_grafanas_types(board, tmp_path)[0] == 0


def test_a_field_that_grafana_does_not_know_is_found(tmp_path: Path) -> None:
    (board,) = BOARDS.values()
    code, told = told_by_grafanas_types({**board, "colour": "red"}, tmp_path)
    assert (code, "'colour' was unexpected" in told) == (1, True), told


def test_a_wall_needs_no_hand() -> None:
    for board in BOARDS.values():
        assert board["editable"] is False
        assert board["refresh"] == "30s"
        assert board["uid"]
        assert board["title"]
        assert board["description"]


def test_variables_choose_the_source_the_client_and_the_platform() -> None:
    for board in BOARDS.values():
        variables = {each["name"]: each for each in board["templating"]["list"]}
        assert list(variables) == ["datasource", "client", "platform"]
        assert (variables["datasource"]["type"], variables["datasource"]["query"]) == (
            "datasource",
            "prometheus",
        )
        for name in ("client", "platform"):
            chosen = variables[name]
            assert (chosen["multi"], chosen["includeAll"], chosen["allValue"]) == (True, True, ".*")
            assert chosen["datasource"] == SOURCE


def test_every_panel_says_what_it_is() -> None:
    for name, panel in panels():
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["title"], name
        assert len(panel["description"]) > 20, name
        assert panel["datasource"] == SOURCE, name
        unit = defaults["unit"]
        assert unit in UNITS or re.fullmatch(r"(suffix|time):.+", unit), f"{name}: {unit}"
        assert defaults["noValue"] == "NO DATA", name


def test_every_target_is_of_the_chosen_source_and_of_now() -> None:
    for name, panel in panels():
        for target in panel["targets"]:
            assert target["datasource"] == SOURCE, name
            # The last value of a range would stay on the wall when nobody measures any more.
            assert (target["instant"], target["range"]) == (True, False), name
            assert target["legendFormat"], name


def test_a_screen_holds_five_to_nine_panels_without_scrolling() -> None:
    for board in BOARDS.values():
        found = board["panels"]
        assert 5 <= len(found) <= 9
        assert all(panel["type"] != "row" for panel in found)
        cells = [
            (x, y)
            for place in (panel["gridPos"] for panel in found)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        assert len(cells) == len(set(cells)), "panels overlap"
        assert set(cells) == {(x, y) for x in range(COLUMNS) for y in range(ROWS)}


def test_numbers_and_names_are_large_enough() -> None:
    for name, panel in panels():
        text = panel["options"]["text"]
        assert text["titleSize"] >= 40, name
        assert text["valueSize"] >= (120 if panel["type"] == "stat" else 40), name


def test_colour_never_says_it_alone() -> None:
    """Where a value turns red, a word stands beside it."""
    for name, panel in panels():
        defaults = panel["fieldConfig"]["defaults"]
        colours = {step["color"] for step in defaults["thresholds"]["steps"]}
        assert colours <= {"text", "red"}, name
        if "red" in colours:
            words = [next(iter(mapping["options"].values()))["text"] for mapping in defaults["mappings"]]
            assert words, f"{name} turns red without a word"


def test_every_expression_can_be_parsed() -> None:
    assert len(list(expressions())) >= 8
    for name, expression in expressions():
        assert list(nodes(expression)), name


def test_a_broken_expression_cannot() -> None:
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        list(nodes("sum(rate(resonanz_events_total[20s])"))


def functions(around: tuple[Any, ...]) -> set[str]:
    return {part.func.name for part in around if isinstance(part, promql_parser.Call)}


def test_counters_are_rated_before_they_are_summed() -> None:
    for name, expression in expressions():
        for metric, around in selectors(expression):
            rated = functions(around) & RATES
            assert bool(rated) == metric.endswith("_total"), f"{name}: {metric}"


def test_rates_follow_the_scrapes() -> None:
    for name, panel in panels():
        for target in panel["targets"]:
            assert not re.search(r"\brate\([^)]*\[(?!\$__rate_interval\])", target["expr"]), name


def test_gauges_of_an_account_that_moves_are_not_doubled() -> None:
    """Before anything else, the larger of what two workers say for a moment."""
    seen = set()
    for name, expression in expressions():
        for metric, around in selectors(expression):
            if metric.endswith("_total") or metric == "resonanz_series":
                continue
            seen.add(metric)
            nearest = around[-1]
            assert isinstance(nearest, promql_parser.AggregateExpr), f"{name}: {metric}"
            assert nearest.modifier is not None, f"{name}: {metric}"
            assert (str(nearest.op), sorted(nearest.modifier.labels)) == (
                "max",
                ["instance", "pod", "worker"],
            ), f"{name}: {metric}"
    assert len(seen) >= 5
