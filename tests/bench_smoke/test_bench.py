"""The bench runs; what it measures is no test's business."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from tests.bench.figures import Report, Round, Row
from tests.bench.groups import TABLE, group_names, measure_groups, name_of, runs
from tests.bench.setting import QUICK, Setting
from tests.bench.wholes import Contestant, in_turn

from resonanz_streams.kpis import KPIS
from resonanz_streams.topics import DAY_MS

STAGES = ("drain: the embedded log", "decode", "ledger", "windows", "state rows", "all of these: the engine")
PER_TICK = ("KPIs", "snapshots", "exposition")


def test_the_bench_has_a_figure_for_every_stage(tmp_path: Path) -> None:
    table = tmp_path / "bench.md"
    command = [sys.executable, "-m", "tests.bench", "--quick", "--only", "stages", "--markdown", str(table)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    lines = (line.strip("| ").split(" | ") for line in table.read_text().splitlines() if " | " in line)
    cells = {line[0]: line[1:] for line in lines}
    for stage in STAGES:
        assert int(cells[stage][0].replace(",", "")) > 0
        assert float(cells[stage][1]) >= 0
    for stage in PER_TICK:
        assert " ms " in cells[stage][-1]


def test_the_bench_has_a_row_for_every_group_of_kpis() -> None:
    report = Report("title")
    scale = replace(QUICK, group_events=3_000)
    measure_groups(Setting(scale, Console(), Path(), report))
    notes = {row.name: row.note for row in report.rows}
    assert list(notes) == [TABLE, *map(name_of, group_names())]
    of_deep = r"\d+ in \d+ ms each time that deep ones are computed"
    engagement = rf"\d+ in \d+ ms a tick and {of_deep}, of 10,000 accounts"
    assert re.match(engagement, notes["KPIs: engagement"])
    assert len(group_names()) == len({kpi.group for kpi in KPIS}) >= 5


def test_the_load_of_the_groups_says_something_of_everything() -> None:
    now_ms = 1_700_000_000_000
    lines = [json.loads(line) for run in runs(3_000, now_ms) for line in run.values[0].splitlines()]
    assert len({line["id"] for line in lines}) == len(lines) == 3_000
    assert {line.get("kind", "post") for line in lines} == {"like", "comment", "share", "post"}
    for field in ("parent", "own", "venue", "flags", "topics"):
        assert any(line.get(field) for line in lines), field
    assert all(now_ms - 28 * DAY_MS <= line["at_ms"] < now_ms for line in lines)


def test_an_unknown_part_is_refused_with_the_known_ones() -> None:
    command = [sys.executable, "-m", "tests.bench", "--only", "stage"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "there is no part stage; choose from: stages, groups, race, scaling," in done.stderr


def test_a_peer_that_fails_once_goes_on_and_says_so_and_one_that_fails_twice_is_left_alone() -> None:
    tried: list[tuple[str, int]] = []

    def run(name: str, failing: set[int]) -> Contestant:
        def one(number: int) -> Round:
            tried.append((name, number))
            if number in failing:
                raise AssertionError("what it printed\nit hangs")
            return Round(1000, 0.001, 0.002)

        return Contestant(name, "a peer", one, foreign=True)

    once, twice = in_turn([run("once", {1}), run("twice", {0, 1, 2})], 3)
    assert (once.note, len(once.rounds)) == ("a peer; failed in 1 of 3 rounds", 2)
    assert (twice.note, len(twice.rounds)) == ("failed: it hangs", 0)
    assert tried == [("once", 0), ("twice", 0), ("once", 1), ("twice", 1), ("once", 2)]


def test_rows_show_medians_and_ratios_compare_them() -> None:
    fast = Row("fast", [Round(1000, 0.001, 0.002), Round(1000, 0.1, 0.2), Round(1000, 0.002, 0.004)])
    slow = Row("slow", [Round(100, 0.002, 0.002)])
    report = Report("title", [fast, slow])
    assert fast.per_second == pytest.approx(500_000)
    assert fast.cpu_per_million == pytest.approx(4.0)
    report.compare("fast against slow", "fast", "slow", 9)
    report.compare("fast against missing", "fast", "missing", 9)
    report.at_most("size", 3.0, 2, "MB")
    assert [(target.figure, target.wanted, target.holds) for target in report.targets] == [
        ("10.00× (CPU 5.00×)", "≥ 9×", True),
        ("3 MB", "≤ 2 MB", False),
    ]
