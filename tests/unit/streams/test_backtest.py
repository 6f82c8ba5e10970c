"""Back-tests of a few lines, with the rows written out by hand."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from tests.backtests import CLOCK_MS, backtest, write_lines

T = 1_699_999_200_000
"""A full hour."""

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def event(id: str, at_ms: int, **more: Any) -> dict[str, Any]:  # noqa: A002  # the field's name
    return {"v": 1, "id": id, "source": "file", "kind": "comment", "account": "file:a", "at_ms": at_ms} | more


def values(rows: list[dict[str, Any]], kpi: str, window: str, part: str | None = None) -> dict[int, float]:
    """Value by time."""
    return {
        row["at_ms"]: row["value"]
        for row in rows
        if (row["kpi"], row["window"], row["part"]) == (kpi, window, part)
    }


# -- what a row holds -----


def test_a_row_holds_the_window_that_ends_at_its_time(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "one.jsonl", [event("1", T)])
    _, rows, _ = backtest(
        tmp_path, ["file:a"], path, step_ms=MINUTE, from_ms=T - MINUTE, to_ms=T + 6 * MINUTE
    )
    assert values(rows, "interactions", "1m") == {T: 1.0}
    assert list(values(rows, "interactions", "5m")) == [T + minute * MINUTE for minute in range(5)]
    assert list(values(rows, "interactions", "28d", "comment")) == [T + n * MINUTE for n in range(7)]
    assert values(rows, "interactions", "28d", "like") == {}


@pytest.mark.parametrize("reverse", [False, True])
def test_a_row_reflects_what_had_happened_by_then_whatever_the_order_of_the_file(
    tmp_path: Path, *, reverse: bool
) -> None:
    lines = [
        event("1", T),
        event("1", T + 10 * MINUTE, op="remove"),
        event("1", T + 20 * MINUTE),
        event("2", T + 20 * MINUTE),
        event("2", T + 20 * MINUTE, op="remove"),
        event("2", T + 20 * MINUTE),
    ]
    path = write_lines(tmp_path / "x.jsonl", reversed(lines) if reverse else lines)
    done, rows, _ = backtest(
        tmp_path, ["file:a"], path, step_ms=5 * MINUTE, to_ms=T + 30 * MINUTE, windows=["15m"]
    )
    assert values(rows, "interactions", "15m") == {
        T: 1.0,
        T + 5 * MINUTE: 1.0,
        T + 20 * MINUTE: 1.0,
        T + 25 * MINUTE: 1.0,
        T + 30 * MINUTE: 1.0,
    }
    assert values(rows, "interactions", "15m", "removed") == {
        T + 10 * MINUTE: 1.0,
        T + 20 * MINUTE: 1.0,
        T + 25 * MINUTE: 1.0,
        T + 30 * MINUTE: 1.0,
    }
    assert (done.counted.added + done.counted.removed + done.counted.duplicates) == 6
    assert done.counted.removed == 2


def test_with_arrival_a_row_reflects_what_had_been_seen(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "x.jsonl",
        [event("1", T, seen_ms=T + 12 * MINUTE), event("2", T + MINUTE, seen_ms=T), event("3", T + MINUTE)],
    )
    options: dict[str, Any] = {"step_ms": 5 * MINUTE, "to_ms": T + 20 * MINUTE, "windows": ["15m"]}
    _, rows, _ = backtest(tmp_path, ["file:a"], path, **options, kpis=["interactions"], arrival=True)
    assert values(rows, "interactions", "15m") == {
        T + 5 * MINUTE: 2.0,
        T + 10 * MINUTE: 2.0,
        T + 15 * MINUTE: 2.0,
    }
    _, rows, _ = backtest(tmp_path, ["file:a"], path, **options, kpis=["interactions"])
    assert values(rows, "interactions", "15m") == {
        T: 1.0,
        T + 5 * MINUTE: 3.0,
        T + 10 * MINUTE: 3.0,
        T + 15 * MINUTE: 2.0,
    }


def test_rates_have_followers_potential_and_interval(tmp_path: Path) -> None:
    lines = [event(str(number), T) for number in range(4)]
    audience = {"topic": "audience", "source": "file", "account": "a", "id": "f", "at_ms": T - HOUR}
    path = write_lines(
        tmp_path / "x.jsonl",
        [*lines, audience | {"followers": 300}, audience | {"followers": 9, "at_ms": T + 1}],
    )
    _, rows, _ = backtest(
        tmp_path, ["file:a"], path, client={"potential": 2000}, step_ms=HOUR, to_ms=T, windows=["1h"]
    )
    (rate,) = [row for row in rows if row["kpi"] == "engagement_rate_by_followers"]
    assert rate == {
        "at_ms": T,
        "client": "fleet",
        "platform": "file",
        "account": "file:a",
        "kpi": "engagement_rate_by_followers",
        "window": "1h",
        "part": None,
        "value": pytest.approx(13.3333, abs=1e-4),
        "lo": pytest.approx(3.6329, abs=1e-4),
        "hi": pytest.approx(34.1386, abs=1e-4),
        "numerator": 4.0,
        "denominator": 300.0,
        "coverage": 1.0,
        "reason": None,
    }
    assert values(rows, "interactions_per_potential", "1h") == {T: 2.0}


def test_only_dense_output_has_zeros_and_nulls(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [event("1", T), event("2", T + HOUR)])
    options: dict[str, Any] = {
        "step_ms": HOUR,
        "windows": ["1m"],
        "kpis": ["interactions", "interactions_per_potential"],
    }
    _, rows, _ = backtest(tmp_path, ["file:a", "file:b"], path, **options)
    assert [(row["at_ms"], row["part"], row["value"]) for row in rows] == [
        (T, None, 1.0),
        (T, "comment", 1.0),
        (T + HOUR, None, 1.0),
        (T + HOUR, "comment", 1.0),
    ]
    _, rows, _ = backtest(tmp_path, ["file:a", "file:b"], path, **options, dense=True)
    assert len(rows) == 2 * 2 * 6
    zero = next(row for row in rows if row["part"] == "like" and row["at_ms"] == T + HOUR)
    assert (zero["account"], zero["value"], zero["lo"], zero["reason"]) == ("file:a", 0.0, 0.0, None)
    foreign = [row for row in rows if row["account"] == "file:b"]
    assert {(row["value"], row["coverage"]) for row in foreign} == {(None, 0.0)}
    assert {row["reason"] for row in foreign} == {"not_covered", "no_potential"}


def test_coverage_is_the_span_of_the_files_that_hold_an_account(tmp_path: Path) -> None:
    first = write_lines(
        tmp_path / "1.jsonl",
        [event("1", T), event("2", T + 30 * MINUTE), event("x", T + HOUR, account="file:x")],
    )
    second = write_lines(tmp_path / "2.jsonl", [event("3", T + 2 * HOUR, account="file:b")])
    _, rows, _ = backtest(
        tmp_path, ["file:a", "file:b"], first, second, step_ms=30 * MINUTE, windows=["1h"], dense=True
    )
    shares = {(row["account"], row["at_ms"] - T): row["coverage"] for row in rows}
    assert [shares["file:a", half * 30 * MINUTE] for half in range(5)] == [0.0, 0.5, 1.0, 0.5, 0.0]
    assert [shares["file:b", half * 30 * MINUTE] for half in range(5)] == [0.0] * 5


def test_the_clients_own_people_do_not_count(tmp_path: Path) -> None:
    lines = ["id,kind,account,at_ms,actor", f"1,comment,a,{T},baker", f"2,comment,a,{T},guest"]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(lines))
    _, rows, _ = backtest(
        tmp_path, ["file:a"], path, client={"own_actors": ["baker"]}, step_ms=HOUR, windows=["1h"]
    )
    assert values(rows, "interactions", "1h") == {T: 1.0}


# -- instants -----


def test_instants_are_multiples_of_the_step_around_all_rows(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [event("1", T + 1), event("2", T + 2 * HOUR + 1)])
    done, _, _ = backtest(tmp_path, ["file:a"], path, step_ms=HOUR)
    assert (done.first_ms, done.last_ms, done.steps) == (T + HOUR, T + 3 * HOUR, 3)
    done, _, _ = backtest(tmp_path, ["file:a"], path, step_ms=HOUR, from_ms=T + 7)
    assert (done.first_ms, done.last_ms, done.steps) == (T + 7, T + 2 * HOUR + 7, 3)
    done, _, _ = backtest(tmp_path, ["file:a"], path, step_ms=HOUR, to_ms=T + 3 * HOUR - 1)
    assert (done.first_ms, done.last_ms, done.steps) == (T + HOUR, T + 2 * HOUR, 2)
    done, _, _ = backtest(tmp_path, ["file:a"], path, step_ms=HOUR, from_ms=T + DAY, to_ms=T + DAY)
    assert (done.first_ms, done.last_ms, done.steps) == (T + DAY, T + DAY, 1)


def test_what_happened_before_the_first_instant_is_in_its_windows(tmp_path: Path) -> None:
    lines = [event(str(day), T - day * DAY) for day in range(40)]
    lines.append(event("3", T - 2 * DAY, op="remove"))
    path = write_lines(tmp_path / "x.jsonl", lines)
    done, rows, _ = backtest(tmp_path, ["file:a"], path, step_ms=DAY, from_ms=T, to_ms=T)
    assert values(rows, "interactions", "28d") == {T: 27.0}
    assert values(rows, "interactions", "7d") == {T: 6.0}
    assert done.found.aside == 11


def test_steps_longer_than_every_window(tmp_path: Path) -> None:
    lines = [event(str(day), T + day * DAY) for day in range(200)]
    path = write_lines(tmp_path / "x.jsonl", [*lines, event("90", T + 99 * DAY, op="remove")])
    _, rows, _ = backtest(tmp_path, ["file:a"], path, step_ms=50 * DAY, from_ms=T, to_ms=T + 150 * DAY)
    assert values(rows, "interactions", "28d") == {
        T: 1.0,
        T + 50 * DAY: 28.0,
        T + 100 * DAY: 27.0,
        T + 150 * DAY: 28.0,
    }


# -- files in -----


def table_of(folder: Path, suffix: str) -> Path:
    """The same twelve rows in every format, with names of their own for the columns."""
    columns = {
        "when": [T + number * MINUTE for number in range(12)],
        "what": ["like", "comment", "share"] * 4,
        "nr": [f"n{number}" for number in range(12)],
        "who": ["a", "b"] * 6,
    }
    table = pa.table(columns)
    path = folder / f"rows{suffix}"
    if ".parquet" in suffix:
        pq.write_table(table, path)
    elif ".jsonl" in suffix:
        write_lines(path, table.to_pylist())
    else:
        pa_csv.write_csv(table, path, pa_csv.WriteOptions(delimiter="\t" if ".tsv" in suffix else ","))
    if suffix.endswith(".gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    return path


@pytest.mark.parametrize(
    "suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz", ".jsonl.gz", ".parquet.gz"]
)
def test_every_format_says_the_same(tmp_path: Path, suffix: str) -> None:
    path = table_of(tmp_path, suffix)
    mapping = {"at_ms": "when", "kind": "what", "id": "nr", "account": "who"}
    done, rows, _ = backtest(
        tmp_path,
        ["file:a", "file:b"],
        path,
        mapping=mapping,
        step_ms=HOUR,
        from_ms=T + 11 * MINUTE,
        windows=["1h"],
    )
    assert done.counted.added == 12
    assert [(row["account"], row["value"]) for row in rows if row["kpi"] == "velocity"] == [
        ("file:a", 0.1),
        ("file:b", 0.1),
    ]
    parts = {(row["account"], row["part"]): row["value"] for row in rows if row["kpi"] == "interactions"}
    assert parts["file:a", "like"] == parts["file:b", "share"] == 2.0


def test_several_files_and_topics_are_one_history(tmp_path: Path) -> None:
    late = write_lines(tmp_path / "late.jsonl", [event("1", T + HOUR, op="remove"), event("2", T + HOUR)])
    early = write_lines(
        tmp_path / "early.jsonl",
        [
            event("1", T),
            {"topic": "posts", "source": "file", "id": "p", "account": "file:a", "at_ms": T},
            {"topic": "audience", "source": "file", "id": "f", "account": "a", "at_ms": T, "followers": 10},
            {"topic": "likes", "source": "file", "id": "l", "account": "file:a", "at_ms": T},
        ],
    )
    done, rows, said = backtest(tmp_path, ["file:a"], late, early, step_ms=HOUR, windows=["24h"])
    assert values(rows, "interactions", "24h") == {T: 2.0, T + HOUR: 2.0}
    assert values(rows, "engagement_rate_by_followers", "24h") == {T + HOUR: 200.0}
    assert (done.found.interactions, done.found.posts, done.found.snapshots) == (4, 1, 1)
    assert "Read 6 rows: 4 interactions, 1 post, 1 follower snapshot; counted 3 additions, 1 removal" in said


def test_reach_counts_as_it_was_told_by_then(tmp_path: Path) -> None:
    def told(hour: int, reach: int | None) -> dict[str, Any]:
        of_post = {"topic": "audience", "source": "file", "account": "file:a", "object": "p", "reach": reach}
        return {**of_post, "id": f"{hour}", "at_ms": T + hour * HOUR, "followers": 10 + hour}

    post = {"topic": "posts", "source": "file", "id": "p", "account": "file:a", "at_ms": T}
    lines = [told(3, 400), post, event("1", T + HOUR, object="p"), told(2, None), told(1, 200)]
    path = write_lines(tmp_path / "x.jsonl", [*lines, *lines])
    _, rows, _ = backtest(tmp_path, ["file:a"], path, step_ms=HOUR, windows=["24h"])
    assert values(rows, "engagement_rate_by_reach", "24h") == {
        T + HOUR: 5.0,
        T + 2 * HOUR: 5.0,
        T + 3 * HOUR: 2.5,
    }
    assert values(rows, "engagement_rate_by_followers", "24h") == {
        T + 2 * HOUR: pytest.approx(1000 / 11),
        T + 3 * HOUR: pytest.approx(1000 / 11.5),
    }


# -- files out -----


def test_the_file_has_the_columns_of_the_contract(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [event("1", T)])
    backtest(tmp_path, ["file:a"], path, step_ms=HOUR)
    written = pq.ParquetFile(tmp_path / "kpis.parquet")
    assert [(field.name, str(field.type)) for field in written.schema_arrow] == [
        ("at_ms", "int64"),
        ("client", "string"),
        ("platform", "string"),
        ("account", "string"),
        ("kpi", "string"),
        ("window", "string"),
        ("part", "string"),
        ("value", "double"),
        ("lo", "double"),
        ("hi", "double"),
        ("numerator", "double"),
        ("denominator", "double"),
        ("coverage", "double"),
        ("reason", "string"),
    ]


def test_row_groups_are_written_on_the_way(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [event("1", T), event("2", T + 12 * HOUR)])
    accounts = [f"file:{number}" for number in range(999)]
    done, _, _ = backtest(
        tmp_path,
        ["file:a", *accounts],
        path,
        step_ms=HOUR,
        dense=True,
        windows=["1m", "7d"],
        kpis=["interactions", "velocity"],
    )
    written = pq.ParquetFile(tmp_path / "kpis.parquet").metadata
    assert written.num_rows == done.rows == 13 * 1000 * 2 * 6
    assert [written.row_group(number).num_rows for number in range(written.num_row_groups)] == [
        132_000,
        24_000,
    ]


def test_csv_and_json_lines_say_the_same(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [event("1", T), event("2", T + HOUR)])
    options: dict[str, Any] = {"step_ms": HOUR, "windows": ["1m", "1h"], "dense": True}
    _, rows, _ = backtest(tmp_path, ["file:a", 'file:"b,'], path, **options)
    backtest(tmp_path, ["file:a", 'file:"b,'], path, **options, out=tmp_path / "kpis.jsonl")
    lines = (tmp_path / "kpis.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == rows
    backtest(tmp_path, ["file:a", 'file:"b,'], path, **options, out=tmp_path / "kpis.csv")
    with (tmp_path / "kpis.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    texts = [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    numbers = ("value", "lo", "hi", "numerator", "denominator", "coverage")
    for row, text in zip(cells, texts, strict=True):
        assert {name: row[name] for name in row if name not in numbers} == {
            name: text[name] for name in text if name not in numbers
        }
        assert [row[name] and float(row[name]) for name in numbers] == [
            text[name] and float(text[name]) for name in numbers
        ]


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [event(str(n), T + n * MINUTE) for n in range(50)])
    backtest(tmp_path, ["file:a"], path, step_ms=5 * MINUTE, dense=True)
    before = (tmp_path / "kpis.parquet").read_bytes()
    backtest(tmp_path, ["file:a"], path, step_ms=5 * MINUTE, dense=True)
    assert (tmp_path / "kpis.parquet").read_bytes() == before


def test_only_what_is_asked_is_written(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "x.jsonl",
        [event("1", T), event("2", T, account="file:b"), event("3", T, account="file:c")],
    )
    done, rows, said = backtest(
        tmp_path,
        ["file:a", "file:b", "file:c"],
        path,
        step_ms=HOUR,
        kpis=["velocity"],
        windows=["24h", "5m"],
        accounts=["file:b", "file:a"],
    )
    assert [(row["account"], row["kpi"], row["window"], row["part"]) for row in rows] == [
        ("file:a", "velocity", "5m", None),
        ("file:a", "velocity", "24h", None),
        ("file:a", "velocity", "24h", "peak"),
        ("file:b", "velocity", "5m", None),
        ("file:b", "velocity", "24h", None),
        ("file:b", "velocity", "24h", "peak"),
    ]
    assert done.found.aside == 1
    assert "1 row of other accounts or times" in said


def test_a_terminal_shows_how_far_it_is(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [event("1", T), event("2", T + HOUR)])
    _, _, said = backtest(tmp_path, ["file:a"], path, step_ms=5 * MINUTE, terminal=True)
    assert "Reading" in said
    assert "13/13" in said


def test_rows_after_the_clock_are_not_counted(tmp_path: Path) -> None:
    ahead = CLOCK_MS + 10 * MINUTE
    path = write_lines(tmp_path / "x.jsonl", [event("1", CLOCK_MS), event("2", ahead), event("3", ahead + 1)])
    done, _, said = backtest(tmp_path, ["file:a"], path, step_ms=MINUTE)
    assert done.last_ms == ahead
    assert dict(done.found.dead_letters) == {"time_out_of_range": 1}
    assert "x.jsonl, row 3: the time is over 10 min ahead of the clock" in said


# -- without suspects -----


def test_what_is_suspect_or_excluded_is_left_out_of_parts_of_their_own_from_when_it_was_known(
    tmp_path: Path,
) -> None:
    """
    ::

        hour   1    2    3         4
               ann  bot  excluded  the bot's like is taken back
    """

    def like(name: str, hours: int, **more: Any) -> dict[str, Any]:
        return event(name, T + hours * HOUR, kind="like", actor=name, object="p", **more)

    bot = like("x", 2, flags=["bot"])
    path = write_lines(
        tmp_path / "a.jsonl",
        [like("ann", 1), bot, like("bob", 3), bot | {"op": "remove", "at_ms": T + 4 * HOUR}],
    )
    # T is 2023-11-14 22:00 UTC.
    times = {"from": "2023-11-15T01:00Z", "to": "2023-11-15T02:00Z"}
    excluded = {"account": "file:a", **times, "reason": "a raffle"}
    wanted: dict[str, Any] = {"kpis": ["interactions", "suspicion_share"], "windows": ["24h"], "dense": True}

    def counted(*exclusions: dict[str, Any]) -> dict[str | None, list[Any]]:
        _, rows, _ = backtest(
            tmp_path, ["file:a"], path, client={"exclusions": list(exclusions)}, step_ms=HOUR,
            from_ms=T + HOUR, to_ms=T + 4 * HOUR, **wanted,
        )  # fmt: skip
        return {
            part: [((at - T) // HOUR, it) for at, it in values(rows, "interactions", "24h", part).items()]
            for part in (None, "authentic")
        }

    whole = [(1, 1.0), (2, 2.0), (3, 3.0), (4, 2.0)]
    assert counted(excluded) == {None: whole, "authentic": [(2, 1.0), (3, 1.0), (4, 1.0)]}
    assert counted() == {None: whole, "authentic": [(2, 1.0), (3, 2.0)]}


def test_without_a_kpi_that_looks_at_single_interactions_there_are_no_authentic_parts(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [event("1", T, flags=["bot"])])
    _, rows, _ = backtest(tmp_path, ["file:a"], path, kpis=["interactions"], step_ms=HOUR, dense=True)
    assert {row["part"] for row in rows} == {None, "like", "comment", "share", "removed"}
