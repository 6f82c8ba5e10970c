"""KPIS.md says what the code does: its examples are computed, its facts compared with the KPIs themselves."""

import ast
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy.special import chdtri
from scipy.stats import binomtest

from resonanz_streams import kpis
from resonanz_streams.intervals import poisson_interval, wilson_interval
from resonanz_streams.kpis import KPIS, base, columns
from resonanz_streams.kpis.base import REASONS, WHY, Kpi
from tests.backtests import CLOCK_MS, backtest, write_lines
from tests.docs import exported

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "KPIS.md").read_text(encoding="utf-8")
HEAD, *PARTS = re.split(r"^## ", PAGE.partition("\n# ")[0], flags=re.MULTILINE)
SECTIONS = {title: text for title, _, text in (part.partition("\n") for part in PARTS)}

NOW_MS = CLOCK_MS
"""1,800,000,000 s are 2027-01-15 08:00 UTC, as the page says."""

_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
NOTHING = "–"

NEVER_GIVEN = {
    # People and comments are counted one by one: no count of theirs falls below 0 or exceeds its whole.
    ("target_coverage", "negative_count"),
    ("active_audience", "negative_count"),
    ("response_rate", "negative_count"),
    ("reciprocity", "negative_count"),
}
"""What the shared columns could say, and these KPIs cannot."""

NOT_ON_THIS_DAY = {
    ("calendar_interactions", "beyond_horizon"),
    ("calendar_interactions_per_potential", "beyond_horizon"),
}
"""Only from a month's 29th day on."""

every_kpi = pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)


def fact(kpi: Kpi, name: str) -> str:
    """What a section's line of this name says."""
    found = re.findall(rf"^- {name}: (.*?)(?=\n\n|\n- )", SECTIONS[kpi.id], re.MULTILINE | re.DOTALL)
    assert len(found) == 1, (kpi.id, name)
    line: str = found[0]
    return line


def plain(text: str) -> str:
    """On one line, without backticks."""
    return " ".join(text.replace("`", "").split())


def words(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall("`([^`]+)`", text)


def fenced(kpi: Kpi, language: str) -> str:
    """The block of this language, "" without one."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", SECTIONS[kpi.id], re.MULTILINE | re.DOTALL)
    assert len(found) <= 1, (kpi.id, language)
    return found[0] if found else ""


def tables(text: str) -> dict[str, list[list[str]]]:
    """The cells of each table's rows, by its first heading."""
    found = {}
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.split("\n")]
        found[head[0]] = [row for row in rows if row != [""]]
    return found


def happened(line: Mapping[str, Any], account: str = "file:a") -> dict[str, Any]:
    """A line of the page as a line of a file: its age becomes a time."""
    age = re.fullmatch(r"(\d+)([mhd])", line["age"])
    assert age is not None, line
    at_ms = NOW_MS - int(age[1]) * _UNIT_MS[age[2]]
    rest = {name: value for name, value in line.items() if name != "age"}
    return {"account": account, "source": "file", "at_ms": at_ms} | rest


def figures(
    folder: Path,
    wanted: Sequence[str],
    events: Sequence[Mapping[str, Any]],
    alone: Sequence[Mapping[str, Any]],
    **client: Any,
) -> list[dict[str, Any]]:
    """All that the pipeline says of these KPIs at NOW_MS.

    An account is watched from the first to the last line of the files that hold it: those of ``events`` all
    the time, thanks to two lines of another account; those of ``alone``, all of one moment, not at all.
    """
    other = {"kind": "like", "actor": "x", "object": "x"}
    first, last = (happened(other | {"age": age}, "file:z") for age in ("29d", "0m"))
    files = [
        write_lines(folder / "events.jsonl", [first, *events, last]),
        write_lines(folder / "alone.jsonl", alone),
    ]
    names = sorted({event["account"] for event in (*events, *alone, first)})
    options: dict[str, Any] = {"dense": True, "step_ms": 1, "from_ms": NOW_MS, "to_ms": NOW_MS}
    done, rows, said = backtest(folder, names, *files, client=client, kpis=wanted, **options)
    assert not done.found.dead_letters, said
    return [row for row in rows if row["account"] != "file:z"]


ALONE = [happened({"topic": "audience", "followers": 10, "age": "1h"}, "file:unwatched")]


# -- the head -----


def test_all_reasons_are_explained_once_as_elsewhere() -> None:
    rows = tables(HEAD)["reason"]
    assert [words(row[0]) for row in rows] == [[reason] for reason in REASONS if reason]
    assert [plain(row[1]) for row in rows] == [sentence for sentence in WHY.values() if sentence]


def test_the_kpis_with_authentic_parts_are_listed() -> None:
    told = re.findall(r"^\*\*Authentic\.\*\* .*?\n\n(.*?)\n\n", HEAD, re.MULTILINE | re.DOTALL)
    assert [words(text) for text in told] == [[kpi.id for kpi in KPIS if kpi.authentic]]


def test_the_bounds_of_counts_are_garwoods() -> None:
    rows = tables(HEAD)["count"]
    assert len(rows) >= 10
    for count, *bounds in rows:
        lo, hi = poisson_interval(np.array([int(count)]))
        assert bounds == [printed(bounds[0], lo[0]), printed(bounds[1], hi[0])]


def test_the_exported_series_are_those_of_the_code() -> None:
    assert exported.written() == PAGE, exported.HINT


# -- the facts of each section -----


def test_each_kpi_has_one_section_in_order() -> None:
    assert [part.partition("\n")[0] for part in PARTS] == [kpi.id for kpi in KPIS]


@every_kpi
def test_unit_and_windows_are_the_kpis_own(kpi: Kpi) -> None:
    assert words(fact(kpi, "Unit")) == ([kpi.unit] if kpi.unit else [])
    assert words(fact(kpi, "Windows")) == list(kpi.windows)
    assert ("deep" in fact(kpi, "Windows")) == kpi.deep


@every_kpi
def test_the_formula_is_the_kpis_own(kpi: Kpi) -> None:
    """What follows behind it are words about its terms."""
    told = plain(fact(kpi, "Formula"))
    assert told.startswith(kpi.formula)
    assert kpi.formula
    assert told[len(kpi.formula) : len(kpi.formula) + 1] in {"", ".", ";", ","}


@every_kpi
def test_parts_and_interval_are_the_kpis_own(kpi: Kpi) -> None:
    assert interval(kpi) == kpi.interval
    assert set(kpi.parts) <= set(words(fact(kpi, "Parts")))
    for part in {row[0] for rows in example_tables(kpi).values() for row in rows} - {"whole"}:
        assert kpi.means(part), part


def test_the_readme_lists_them_with_the_same_intervals() -> None:
    rows = [row for row in tables(README)["KPI"] if row[1]]
    assert {words(row[0])[0]: row[2] for row in rows} == {kpi.id: kpi.interval for kpi in KPIS}
    assert [len(words(row[0])) for row in rows] == [1] * len(KPIS)


def test_the_readme_has_them_by_group() -> None:
    groups: dict[str, str] = {}
    heading = ""
    for row in tables(README)["KPI"]:
        heading = heading if row[1] else row[0].strip("*").lower()
        groups |= dict.fromkeys(words(row[0]), heading)
    assert groups == {kpi.id: kpi.group for kpi in KPIS}


def interval(kpi: Kpi) -> str:
    """Whose interval a section says that its KPI has; "" for none."""
    said = fact(kpi, "Interval")
    known = ("Garwood", "Wilson", "Feuer", "Clopper")
    names = [name for name in known if re.search(rf"^{name}|, .*{name},", said)]
    assert len(names) == (not said.startswith("none")), said
    return {"Feuer": "Fay–Feuer", "Clopper": "Clopper–Pearson"}.get(names[0], names[0]) if names else ""


# -- reasons -----


def possible(kpi: Kpi) -> set[str]:
    """The reasons that the KPI's module, and the columns that it is made of, can give."""
    codes = {
        name: REASONS[value]
        for name, value in vars(columns).items()
        if type(value) is int and name not in vars(base)
    }
    shapes = {name: value for name, value in vars(columns).items() if isinstance(value, FunctionType)}
    module = ast.parse((Path(kpis.__file__).parent / f"{kpi.id}.py").read_text(encoding="utf-8"))
    waiting = [
        alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module == columns.__name__
        for alias in node.names
    ]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in shapes and name not in seen:
            nodes = ast.walk(ast.parse(inspect.getsource(shapes[name])))
            waiting += [node.id for node in nodes if isinstance(node, ast.Name)]
        seen.add(name)
    found = {codes[name] for name in seen & codes.keys()} - {""}
    return found - {reason for known, reason in NEVER_GIVEN if known == kpi.id}


@every_kpi
def test_every_reason_that_a_kpi_can_give_is_named(kpi: Kpi) -> None:
    named = words(fact(kpi, "Absent"))
    assert len(named) == len(set(named))
    assert set(named) == possible(kpi)


def test_every_reason_named_is_given(tmp_path: Path) -> None:
    def said(account: str, **line: Any) -> dict[str, Any]:
        return happened(line, f"file:{account}")

    falls = [
        said("falls", kind=kind, id=f"f-{kind}", object="p", count=-5, age="2h", topics=["winter"])
        for kind in ("like", "comment", "share")
    ]
    events = [
        said("quiet", topic="audience", age="1h", followers=10),
        said("falls", topic="audience", age="4h", followers=10),
        said("falls", topic="posts", id="p", age="3h"),
        *falls,
        said("falls", topic="audience", age="1h", followers=10, object="p", reach=9, impressions=9),
        said("falls", topic="posts", id="f", age="3h", venue="elsewhere"),
        *(
            said(name, topic="posts", id=f"p{n}", age=f"{9 - n}h")
            for name in ("still", "sinks")
            for n in range(5)
        ),
        *(
            said("sinks", kind="like", id=f"l{n}", object=f"p{n}", count=-1, age=f"{9 - n}h")
            for n in range(4)
        ),
        said("still", topic="posts", id="f", age="3h", venue="elsewhere"),
        said("unfollowed", topic="posts", id="p", age="3h"),
        said("unfollowed", kind="comment", id="c", object="p", age="1h"),
        said("answered", kind="comment", id="c", object="p", age="6h"),
        said("answered", kind="comment", id="a", object="p", parent="c", own=True, age="5h"),
    ]
    young = [
        said("young", kind="like", actor=f"p{number}", object="p", topics=["winter"], age="1h")
        for number in range(5)
    ]
    rows = []
    brands = ["winter", "sommer"]
    voice = {
        "topics": {brand: [] for brand in brands},
        "voice": {"version": "1", "brand": "winter", "brands": brands},
    }
    configured: list[dict[str, Any]] = [
        {},
        {"potential": 10, "response_sla": "30h", "target_list": ["ann"], **voice},
    ]
    for number, client in enumerate(configured):
        (tmp_path / str(number)).mkdir()
        rows += figures(tmp_path / str(number), [kpi.id for kpi in KPIS], events, [*ALONE, *young], **client)
    given = {(row["kpi"], row["reason"]) for row in rows if row["reason"] is not None}
    named = {(kpi.id, reason) for kpi in KPIS for reason in REASONS if reason in words(fact(kpi, "Absent"))}
    assert given == named - NOT_ON_THIS_DAY
    # A reason stands where something is null, and nowhere else: of KPIs with an interval, where that is.
    for row in rows:
        if row["reason"] is None:
            assert row["value"] is not None
        else:
            assert row["value"] is None or (row["reason"] == "negative_count" and row["lo"] is None)


# -- the examples -----


def example_tables(kpi: Kpi) -> dict[str, list[list[str]]]:
    """The tables below the example's events, by window."""
    return tables(SECTIONS[kpi.id].partition("```events")[2])


def printed(cell: str, number: float | None) -> str:
    """A number with as many digits as the cell has."""
    return NOTHING if number is None else f"{number:.{len(cell.partition('.')[2])}f}"


@every_kpi
def test_the_example_gives_the_numbers_shown(kpi: Kpi, tmp_path: Path) -> None:
    events = [happened(json.loads(line)) for line in fenced(kpi, "events").splitlines()]
    client = YAML(typ="safe").load(fenced(kpi, "yaml")) or {}
    # Authentic parts are where a KPI looks at single interactions.
    rows = figures(tmp_path, [kpi.id, "suspicion_share"], events, ALONE, **client)
    rows = [row for row in rows if row["kpi"] == kpi.id]
    shown = example_tables(kpi)
    assert shown
    for window, cells in shown.items():
        found = {
            row["part"] or "whole": row
            for row in rows
            if (row["account"], row["window"]) == ("file:a", window)
        }
        assert [row[0] for row in cells] == list(found)
        for part, *numbers, reason in cells:
            row = found[part]
            names = ("value", "lo", "hi", "numerator", "denominator")
            exact = [row[name] for name in names]
            assert numbers == [printed(*pair) for pair in zip(numbers, exact, strict=True)], (part, exact)
            if row["lo"] is not None:
                assert (row["lo"], row["hi"]) == pytest.approx(bounds(interval(kpi), row), rel=1e-12)
            assert row["coverage"] == 1
            assert words(reason) == ([row["reason"]] if row["reason"] else [])


def bounds(name: str, row: Mapping[str, Any]) -> tuple[float, float]:
    """The interval of this name, of a row's numerator and denominator."""
    if name == "Wilson":
        share = wilson_interval(np.array([row["numerator"]]), np.array([row["denominator"]]))
        return float(share[0][0]), float(share[1][0])
    if name == "Garwood" or (name == "Clopper–Pearson" and row["part"] is not None):
        count = poisson_interval(np.array([int(row["numerator"])]))
        scale = row["value"] / row["numerator"]
        return float(count[0][0]) * scale, float(count[1][0]) * scale
    if name == "Clopper–Pearson":
        # Of two counts of the same exposure, or as the example works it out: two posts and two comments.
        x, y = (6, 3) if row["kpi"] == "outbound_effect" else (row["numerator"], row["denominator"])
        exact = binomtest(int(x), int(x + y)).proportion_ci(method="exact")
        return float(exact.low / (1 - exact.low)), float(exact.high / (1 - exact.high))
    # Fay and Feuer's, as the example works it out.
    lo, hi = chdtri(9.142857142857142, 0.975), chdtri(100 / 9, 0.025)
    return 1000 * 0.00109375 * float(lo), 1000 * 0.001125 * float(hi)
