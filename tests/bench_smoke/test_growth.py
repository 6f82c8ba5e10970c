"""The worksheet in the README is the one that the last run's figures give."""

import subprocess
import sys

import pytest
from tests.bench.growth import Constants, Load, markdown, need, read
from tests.bench.readme import README, block, with_block

ROUND = Constants(
    events_per_second=200_000,
    cpu_per_million=4,
    process_bytes=100e6,
    idle_account_bytes=1_000,
    busy_account_bytes=25_000,
    ledger_bytes_per_event=32,
    log_bytes_per_event=100,
    state_bytes_per_event=50,
    series_per_account=20,
)


def test_readme_shows_the_worksheet_of_the_last_run() -> None:
    assert block(README.read_text(encoding="utf-8"), "growth") == markdown(read())


def test_events_decide_where_accounts_are_few() -> None:
    found = need(Load("busy", accounts=10_000, events=1_000_000, horizon_days=0.5), ROUND)
    # 1,000,000 · 4 s per million = 4 cores, each half used.
    assert (found.by_cpu, found.by_series, found.workers, found.partitions) == (8, 1, 8, 16)
    # 43.2 thousand million keys of 32 B and 10,000 accounts of 25 KB on 8 workers, beside 100 MB.
    assert found.worker_bytes == pytest.approx(100e6 + (250e6 + 43.2e9 * 32) / 8)
    assert found.log_bytes == pytest.approx(1e6 * 35 * 86_400 * 100)
    assert found.state_bytes == pytest.approx(43.2e9 * 50)


def test_series_decide_where_accounts_are_many() -> None:
    found = need(Load("quiet", accounts=10_000_000, events=1_000, horizon_days=29), ROUND)
    assert (found.by_cpu, found.by_series, found.workers, found.partitions) == (1, 800, 800, 1_600)
    assert found.series == 200_000_000


def test_the_smallest_load_has_four_partitions() -> None:
    found = need(Load("small", accounts=3, events=1, horizon_days=29), ROUND)
    assert (found.workers, found.partitions) == (1, 4)


def test_a_column_of_ones_own() -> None:
    command = [sys.executable, "-m", "tests.bench.growth", "10000000", "1000", "29"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "| accounts | A | 10,000,000 |" in done.stdout
    assert "| formula | yours |" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["0", "0", "0"], "each of the three must be a number greater than 0; write three numbers"),
        (["5", "-1", "29"], "each of the three must be"),
        (["5", "nan", "29"], "each of the three must be"),
        (["5", "1", "inf"], "each of the three must be"),
        (["5", "1"], "write three numbers: accounts, events a second and days of horizon"),
        (["many", "1", "29"], "write three numbers: accounts"),
    ],
)
def test_what_is_no_load_is_said_in_a_sentence(words: list[str], told: str) -> None:
    command = [sys.executable, "-m", "tests.bench.growth", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1


def test_a_block_is_replaced_and_nothing_else() -> None:
    text = "a\n<!-- x -->\n\nold\n\n<!-- end of x -->\nb\n"
    assert block(text, "x") == "old\n"
    assert with_block(text, "x", "new\n") == "a\n<!-- x -->\n\nnew\n\n<!-- end of x -->\nb\n"
