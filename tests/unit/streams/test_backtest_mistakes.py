"""What a back-test says when something is wrong, and what it leaves behind: nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.backtests import backtest, write_lines
from tests.unit.streams.test_backtest import HOUR, T, event

from resonanz_streams.errors import ConfigurationError, StopError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "x.jsonl", [event("1", T)])


def refused(folder: Path, path: Path, **options: Any) -> str:
    with pytest.raises(ConfigurationError) as error:
        backtest(folder, ["file:a"], path, **({"step_ms": HOUR} | options))
    return str(error.value)


def test_options_that_name_nothing(tmp_path: Path, path: Path) -> None:
    said = refused(tmp_path, path, kpis=["interaction"])
    assert said.startswith("--kpis: 'interaction' is no KPI; there are interactions, ")
    assert refused(tmp_path, path, windows=["1h", "2h"]) == (
        "--windows: '2h' is no window; there are 1m, 5m, 15m, 1h, 24h, 7d, 28d"
    )
    assert refused(tmp_path, path, accounts=["file:A"]) == (
        "--accounts: 'file:A' is no configured account; there are file:a"
    )
    names = [f"file:{letter}" for letter in "abcdefghijklmnop"]
    with pytest.raises(ConfigurationError) as error:
        backtest(tmp_path, names, path, step_ms=HOUR, accounts=["file:pp"])
    assert str(error.value).startswith("--accounts: 'file:pp' is no configured account; there are file:p, ")
    assert str(error.value).endswith(" and others")


def test_times_that_cannot_be(tmp_path: Path, path: Path) -> None:
    assert "--step: write a length of time above 0" in refused(tmp_path, path, step_ms=0)
    assert "--to lies before --from" in refused(tmp_path, path, from_ms=T, to_ms=T - 1)
    assert "--to lies before the first step" in refused(tmp_path, path, to_ms=T - 1)


def test_places_that_cannot_be_written(tmp_path: Path, path: Path) -> None:
    assert "must end in .parquet, .csv, .jsonl" in refused(tmp_path, path, out=tmp_path / "kpis.xls")
    assert "there is no folder" in refused(tmp_path, path, out=tmp_path / "none" / "kpis.csv")
    before = path.read_bytes()
    assert "is one of the files to read" in refused(tmp_path, path, out=path)
    assert path.read_bytes() == before
    (tmp_path / "kpis.csv").mkdir()
    with pytest.raises(StopError, match=r"kpis\.csv: cannot be written"):
        backtest(tmp_path, ["file:a"], path, step_ms=HOUR, out=tmp_path / "kpis.csv")


def test_a_file_without_the_mapped_column_leaves_an_earlier_output_alone(tmp_path: Path, path: Path) -> None:
    out = tmp_path / "kpis.parquet"
    out.write_bytes(b"earlier")
    second = write_lines(tmp_path / "y.jsonl", [{"when": T}])
    said = refused(tmp_path, path, mapping={"at_ms": "wann"})
    assert said.startswith(f"{path}: has no column 'wann'; there are: ")
    with pytest.raises(ConfigurationError, match=r"y\.jsonl: has no column 'at_ms'"):
        backtest(tmp_path, ["file:a"], path, second, step_ms=HOUR)
    assert out.read_bytes() == b"earlier"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["kpis.parquet", "x.jsonl", "y.jsonl"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path, tmp_path / "none.csv")
    (tmp_path / "x.xls").write_bytes(b"x")
    assert "unknown format" in refused(tmp_path, tmp_path / "x.xls")
    (tmp_path / "x.csv.gz").write_bytes(b"x")
    assert "is not gzip data" in refused(tmp_path, tmp_path / "x.csv.gz")


def test_nothing_that_can_be_counted(tmp_path: Path) -> None:
    foreign = write_lines(tmp_path / "x.jsonl", [event("1", T, account="file:b")])
    assert 'write under a client:\n    accounts:\n      - "file:b"' in refused(tmp_path, foreign)
    broken = write_lines(tmp_path / "x.jsonl", [event("1", "noon")])  # type: ignore[arg-type]
    said = refused(tmp_path, broken)
    assert said.startswith(f"{broken}: has no row that can be counted; x.jsonl, row 1: at_ms: ")


def test_bad_rows_are_counted_by_reason_and_the_others_count(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "x.jsonl",
        [
            event("1", T),
            event("2", 17),
            event("3", T, count=0),
            event("4", T, kind="yawn"),
            event("5", T, v=2),
            event("6", T, account="file:b"),
        ],
    )
    with path.open("ab") as file:
        file.write(b"{\n")
    done, rows, said = backtest(
        tmp_path, ["file:a"], path, step_ms=HOUR, kpis=["interactions"], windows=["1h"]
    )
    assert [row["value"] for row in rows] == [1.0, 1.0]
    assert done.found.rows == 7
    assert done.found.interactions == 1
    assert dict(done.found.dead_letters) == {
        "time_out_of_range": 1,
        "wrong_type": 1,
        "wrong_topic": 1,
        "unknown_version": 1,
        "not_json": 1,
    }
    assert dict(done.found.unknown) == {"file:b": 1}
    assert "5 rows could not be understood (1 time_out_of_range, 1 wrong_type, 1 wrong_topic, " in said
    assert (
        "the first: x.jsonl, row 2: the time lies before the year 2000; x.jsonl, row 3: count is 0; " in said
    )
    assert "1 row of 1 accounts are left out, because resonanz.yaml does not name these" in said


def test_a_ledger_that_was_full_is_said(tmp_path: Path, path: Path) -> None:
    done, _, said = backtest(tmp_path, ["file:a"], path, step_ms=HOUR)
    assert "ledger_max_mb" not in said
    assert "raise it and run again" in list(replace(done, horizon_cut=True).sentences())[-1]
