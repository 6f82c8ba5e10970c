"""Two periods from what a back-test wrote."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.backtests import CLOCK_MS, backtest, write_lines

from resonanz_streams import cli
from resonanz_streams.comparison import Compared, compare
from resonanz_streams.errors import ConfigurationError

DAY = 86_400_000
END = CLOCK_MS // DAY * DAY
"""2027-01-15 00:00 UTC."""


def likes(account: str, many: int, days: int) -> list[dict[str, Any]]:
    """So many, so many days and an hour ago."""
    line = {"kind": "like", "source": "file", "account": account, "at_ms": END - days * DAY - 3_600_000}
    return [line | {"actor": f"{days} {number}", "object": "p"} for number in range(many)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 days of two accounts: 4 of this week against 12 of a year ago, and 3 against 0. A third one
    is watched since the day before yesterday."""
    folder = tmp_path_factory.mktemp("backtest")
    lines = [*likes("file:a", 12, 364), *likes("file:a", 4, 0), *likes("file:b", 3, 0)]
    edge: dict[str, Any] = {
        "kind": "like",
        "source": "file",
        "account": "file:a",
        "actor": "z",
        "object": "z",
    }
    ends = [edge | {"at_ms": at_ms} for at_ms in (END - 400 * DAY, END)]
    long = write_lines(folder / "long.jsonl", [ends[0], *lines, ends[1] | {"op": "remove"}])
    new = write_lines(folder / "new.jsonl", [*likes("file:c", 2, 1), *likes("file:c", 2, 0)])
    for name, dense in (("dense.parquet", True), ("sparse.parquet", False)):
        options: dict[str, Any] = {"step_ms": DAY, "from_ms": END - 364 * DAY, "to_ms": END}
        names = ["file:a", "file:b", "file:c"]
        backtest(folder, names, long, new, kpis=["interactions"], dense=dense, out=folder / name, **options)
    return folder / "dense.parquet"


def whole(path: Path, window: str = "7d", days: int = 364, **options: Any) -> dict[str, Compared]:
    found = compare(path, window, at_ms=options.pop("at_ms", None), back_ms=days * DAY, **options)
    return {one.account: one for one in found if one.part is None}


def test_a_week_against_that_of_a_year_ago(written: Path) -> None:
    found = whole(written)["file:a"]
    assert (found.numerator, found.denominator, found.value) == (4, 12, 4 / 12)
    assert found.p == pytest.approx(0.0768, abs=5e-5)
    assert found.lo == pytest.approx(0.0784, abs=5e-5)
    assert found.hi == pytest.approx(1.0998, abs=5e-5)
    assert (found.at_ms, found.against_ms, found.coverage, found.reason) == (END, END - 364 * DAY, 1.0, None)


def test_none_before_has_a_p_value_and_no_ratio(written: Path) -> None:
    found = whole(written)["file:b"]
    assert (found.value, found.p, found.reason) == (None, 0.25, "no_interactions")
    assert (found.numerator, found.denominator) == (3, 0)


def test_what_was_not_watched_then_is_not_compared(written: Path) -> None:
    found = whole(written)["file:c"]
    assert (found.value, found.p, found.coverage, found.reason) == (None, None, 0.0, "not_covered")
    assert (found.numerator, found.denominator) == (4, None)


def test_every_part_and_the_accounts_asked_for(written: Path) -> None:
    found = compare(written, "7d", at_ms=END, back_ms=364 * DAY, accounts=["file:a"])
    assert {one.account for one in found} == {"file:a"}
    by_part = {one.part: (one.numerator, one.denominator) for one in found}
    assert (by_part[None], by_part["like"], by_part["share"]) == ((4, 12), (4, 12), (0, 0))


def test_a_sparse_file_tells_no_count_of_zero(written: Path) -> None:
    found = whole(written.with_name("sparse.parquet"))
    assert (found["file:b"].numerator, found["file:b"].denominator) == (3, None)
    assert (found["file:b"].value, found["file:b"].reason) == (None, "no_row")
    assert found["file:a"].value == 4 / 12


def refused(path: Path, window: str = "7d", **options: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        compare(path, window, **{"at_ms": None, "back_ms": 364 * DAY} | options)
    return str(caught.value)


def test_what_cannot_be_compared_says_why(written: Path, tmp_path: Path) -> None:
    assert refused(written, back_ms=6 * DAY).startswith("--against: two windows of 7d would overlap")
    assert "begin at multiples of 3600 s" in refused(written, back_ms=364 * DAY + 1000)
    assert (
        "holds no interactions over 7d at 2025-12-11T00:00:00+00:00; next to it there are 2026-01-16"
        in refused(written, back_ms=400 * DAY)
    )
    assert "holds nothing of file:z at these times" in refused(written, accounts=["file:z"])
    text = tmp_path / "text.parquet"
    text.write_text("no")
    assert "cannot be read as Parquet" in refused(text)
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"at_ms": [1]}), other)
    assert "has no column 'client'; write one with: resonanz backtest" in refused(other)
    empty = tmp_path / "empty.parquet"
    pq.write_table(pq.read_table(written).slice(0, 0), empty)
    assert "holds no interactions over 7d; write them with: resonanz backtest" in refused(empty)


def test_the_command_prints_a_table_json_and_csv(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*more: str) -> str:
        assert cli.run(["compare", str(written), "--against", "364d", *more]) == 0
        return capsys.readouterr().out

    table = run().splitlines()
    assert table[0] == "interactions over 7d until 2027-01-15 00:00 UTC against 2026-01-16 00:00 UTC"
    assert table[2].split() == ["file:a", "4", "12", "0.333", "0.0784", "to", "1.1", "0.077", "100%"]
    listed = json.loads(run("--format", "json"))
    assert (listed[0]["account"], listed[0]["p"]) == ("file:a", pytest.approx(0.0768, abs=5e-5))
    rows = list(csv.DictReader(io.StringIO(run("--format", "csv", "--accounts", "file:b"))))
    assert (rows[0]["numerator"], rows[0]["value"], rows[0]["reason"]) == ("3", "", "no_interactions")
    assert cli.run(["compare", str(written), "--against", "3d"]) == 2
    assert "would overlap" in capsys.readouterr().err
