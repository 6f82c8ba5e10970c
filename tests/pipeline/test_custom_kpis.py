"""KPIs of others in real processes: the example of KPIS.md, one that fails, and some that cannot be used."""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.custom_distribution import EXAMPLE, FAILING, environment, install, install_example
from tests.processes import Process, free_port, get, samples, wait_until

CONFIG = """\
clients:
  bakery:
    name: Bakery Winter
    accounts: ["file:a17"]
export:
  comments_per_like: [24h]
"""
ROWS = ("like", "like", "like", "like", "comment", "comment", "comment")
ACCOUNT = ("file:a17", "bakery", "file")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with the example, and one that fails."""
    install_example(tmp_path / "site")
    points = {"failing": "failing:KPI", "failing_deep": "failing:DEEP"}
    install(tmp_path / "site", "failing", FAILING, points)
    return tmp_path / "site"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "resonanz_streams", *words],
        cwd=folder,
        env=environment(folder / "site"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def prepare(folder: Path, end_ms: int) -> None:
    (folder / "resonanz.yaml").write_text(CONFIG)
    with (folder / "events.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "at_ms", "account", "kind"])
        rows.writerows((number, end_ms - number, "file:a17", kind) for number, kind in enumerate(ROWS))


def test_the_example_is_short() -> None:
    assert len(EXAMPLE.splitlines()) <= 40


def test_it_is_listed_and_back_tested(tmp_path: Path, site: Path) -> None:
    assert site.is_dir()
    prepare(tmp_path, 1_700_000_000_000)
    listed = run(tmp_path, "kpis", "--json")
    (row,) = [row for row in json.loads(listed.stdout) if row["kpi"] == "comments_per_like"]
    assert row["windows"] == ["1h", "24h", "7d", "28d"]
    words = ("events.csv", "--step", "1h", "--windows", "24h", "--out", "kpis.jsonl")
    tested = run(tmp_path, "backtest", *words, "--kpis", "comments_per_like,failing,failing_deep")
    assert tested.returncode == 0, tested.stderr
    (found,) = [json.loads(line) for line in (tmp_path / "kpis.jsonl").read_text().splitlines()]
    assert (found["kpi"], found["value"], found["numerator"], found["denominator"]) == (
        ("comments_per_like", 0.75, 3, 4)
    )
    assert found["lo"] == pytest.approx(0.619 / 4, abs=1e-3)
    for name in ("failing", "failing_deep"):
        assert f"KPI {name} cannot be computed and is left out (ZeroDivisionError" in tested.stderr
        assert f"{name} could not be computed 1 time: its rows are missing there." in tested.stderr
    assert "Traceback" not in tested.stderr


def test_it_is_live_everywhere_and_one_that_fails_stops_nothing(tmp_path: Path, site: Path) -> None:
    now_ms = time.time_ns() // 1_000_000  # noqa: TID251  # the worker that is tried lives by the real clock
    prepare(tmp_path, now_ms)
    port = free_port()
    up = ["-m", "resonanz_streams", "up", "--port", str(port)]
    with Process(up, tmp_path / "up.log", cwd=tmp_path, environment=environment(site)) as process:
        wait_until(lambda: get(f"http://127.0.0.1:{port}/readyz"), "the wall is ready")
        assert run(tmp_path, "replay", "events.csv").returncode == 0
        name = "resonanz_comments_per_like_24h_ratio"
        wait_until(lambda: (samples(port, name) or {}).get(ACCOUNT) == 0.75, "its value is exported")
        assert (samples(port, f"{name}_lo") or {})[ACCOUNT] == pytest.approx(0.619 / 4, abs=1e-3)
        assert (samples(port, "resonanz_interactions_24h") or {})["file:a17", "bakery", "like", "file"] == 4

        def told() -> list[dict[str, Any]]:
            asked = get(f"http://127.0.0.1:{port}/api/v1/accounts/file:a17/kpis?window=24h")
            return list(json.loads(asked or '{"kpis": []}')["kpis"])

        kpis = {"comments_per_like", "interactions", "response_rate"}
        rows = wait_until(lambda: {row["kpi"]: row for row in told()} if _has(told(), kpis) else None, "told")
        assert rows["comments_per_like"]["value"] == 0.75
        assert not rows.keys() & {"failing", "failing_deep"}
        failures = samples(port, "resonanz_kpi_failures_total") or {}
        assert failures.keys() == {("failing",), ("failing_deep",)}
        assert min(failures.values()) >= 3, "each of its windows"
        asked = run(tmp_path, "query", "file:a17", "--window", "24h")
        assert "comments_per_like" in asked.stdout, asked.stderr
        audited = run(tmp_path, "audit")
        assert audited.returncode == 0, audited.stdout + audited.stderr
        output = process.output()
        assert output.count("KPI failing cannot be computed") == 1
        assert output.count("KPI failing_deep cannot be computed") == 1
        assert "Traceback" not in output
        assert process.terminate() == 0


def _has(rows: list[dict[str, Any]], kpis: set[str]) -> bool:
    return kpis <= {row["kpi"] for row in rows} and any(
        row["kpi"] == "interactions" and row["value"] == len(ROWS) for row in rows
    )


@pytest.mark.parametrize(
    ("module", "fault"),
    [
        (EXAMPLE.replace('id="comments_per_like"', 'id="velocity"'), "there is a KPI velocity already"),
        ("import nowhere\n", "cannot be loaded (ModuleNotFoundError: No module named 'nowhere')"),
        ("KPI = 7\n", "is a int and no resonanz_streams.kpis.base.Kpi"),
    ],
)
def test_one_that_cannot_be_used_is_an_error_that_names_it(tmp_path: Path, module: str, fault: str) -> None:
    install(tmp_path / "site", "strange", module, {"odd": "strange:KPI"})
    prepare(tmp_path, 1_700_000_000_000)
    sentence = f"entry point odd = strange:KPI of strange in group resonanz.kpis: {fault}"
    for command in (("kpis",), ("check",), ("worker", "--port", str(free_port()))):
        done = run(tmp_path, *command)
        assert done.returncode == 2, command
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr
