"""The dialogue KPIs of a simulated agency are what the simulator knows of its own comments."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pytest
from tests.backtests import backtest, write_lines
from tests.engines import Driven, registry_of

from resonanz_connectors.batch import Batch
from resonanz_connectors.simulator import SimulatorOptions, World
from resonanz_connectors.simulator_incidents import Incident
from resonanz_streams.deep import DeepFigures, deep_job
from resonanz_streams.kpis.base import DEEP_WINDOWS

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
END_MS: Final = 1_790_000_000_000 // HOUR_MS * HOUR_MS
"""A multiple of every window's resolution, so that all of them begin to the millisecond."""

DAYS: Final = 3
ACCOUNTS: Final = ("bluesky:a", "facebook:b", "instagram:c", "mastodon:d", "x:e", "youtube:f")
CLIENT: Final[Mapping[str, Any]] = {
    "potential": 2_500,
    "timezone": "Europe/Berlin",
    "response_sla": "2h",
    "topics": {"bread": [], "cakes": [], "jobs": []},
    "venues": ["forum.example", "news.example"],
}
INCIDENTS: Final = (
    Incident(kind="viral", after_minutes=-1500, minutes=120, size=800),
    Incident(kind="drop", after_minutes=-900, minutes=300),
    # What was said then is missing under what was answered later.
    Incident(kind="dead", after_minutes=-2400, minutes=480, accounts=ACCOUNTS[4:]),
)
KPIS: Final = (
    "response_rate",
    "backlog",
    "time_to_first_response",
    "conversation_depth",
    "reciprocity",
)
UNTOLD: Final = ("p90", "p95", "business", "business_p90", "business_p95")
"""Parts that the simulator does not know."""

Key = tuple[str, str, str, str | None]
Figures = tuple[float | None, float | None, float | None]


class Simulated(NamedTuple):
    batches: list[Batch]
    truth: list[dict[str, Any]]

    def lines(self) -> Iterator[tuple[str, bytes]]:
        """Each event with its topic."""
        for batch in self.batches:
            for record in batch.outgoing():
                for line in (record.value or b"").splitlines():
                    yield record.topic, line


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    registry = registry_of(*ACCOUNTS, **CLIENT)
    options = SimulatorOptions(seed=5, rate=8, backfill_days=DAYS, incidents=INCIDENTS)
    world = World(registry, tuple(registry.accounts.values()), options, END_MS)
    feed, writer, truth = world.feed(world.begin_ms), world.writer(), world.truth()
    batches = []
    for to_ms in range(world.begin_ms + DAY_MS, END_MS + 1, DAY_MS):
        arrivals = feed.advance(to_ms)
        truth.take(arrivals)
        batches.append(writer.batch(arrivals, ""))
    path = tmp_path_factory.mktemp("simulated") / "truth.jsonl"
    truth.write(path)
    rows = path.with_name("truth.dialogues.jsonl").read_text().splitlines()
    return Simulated(batches, [json.loads(row) for row in rows])


def expected(truth: list[dict[str, Any]]) -> dict[Key, Figures]:
    """(value, numerator, denominator) of every KPI, window and part."""
    found: dict[Key, Figures] = {}
    for row in truth:
        of_row = {
            ("response_rate", None): share(row["in_time"], row["due"]),
            ("reciprocity", None): share(row["returned"], row["threads"]),
            ("conversation_depth", None): share(row["depths"], row["comments"]),
            ("conversation_depth", "max"): share(row["deepest"], min(1, row["comments"])),
            ("conversation_depth", "thread_max"): share(row["thread_depths"], row["threads"]),
            ("conversation_depth", "thread_mean"): share(row["thread_means"], row["threads"]),
            ("backlog", None): (row["waiting"], row["waiting"], row["comments"]),
            ("backlog", "sla_breaches"): (row["breaches"], row["breaches"], row["comments"]),
        }
        oldest = None if row["oldest_ms"] is None else (row["at_ms"] - row["oldest_ms"]) / 1000
        of_row["backlog", "oldest_age"] = oldest, oldest, row["comments"]
        median = None if row["median_ms"] is None else row["median_ms"] / 1000
        of_row["time_to_first_response", None] = median, row["answered"], row["comments"]
        for (kpi, part), figures in of_row.items():
            found[row["account"], row["window"], kpi, part] = figures
    return found


def share(part: float, whole: float) -> Figures:
    return (part / whole, part, whole) if whole else (None, None, None)


def compare(found: Mapping[Key, Figures], truth: list[dict[str, Any]]) -> None:
    """Counts are equal; rates, and sums of rates, to 1e-12."""
    known = expected(truth)
    assert found.keys() == known.keys()
    for key, (value, *counts) in known.items():
        found_value, *found_counts = found[key]
        if key[3] == "thread_mean" and value is not None:
            assert found_counts == pytest.approx(counts, rel=1e-12), key
        else:
            assert found_counts == counts, key
        assert found_value == (value if value is None else pytest.approx(value, rel=1e-12)), key


def test_the_simulation_has_all_that_makes_dialogues_hard(simulated: Simulated) -> None:
    week = [row for row in simulated.truth if row["window"] == "7d"]
    assert [row["account"] for row in week] == list(ACCOUNTS)
    for row in week:
        assert row["comments"] > 100
        assert 0 < row["breaches"] < row["waiting"] < row["comments"]
        assert 0 < row["in_time"] < row["due"] < row["comments"]
        assert 0 < row["returned"] <= row["threads"]
    assert {row["deepest"] for row in week} == {4, 5}
    assert any(row["returned"] < row["threads"] for row in week)
    comments = [json.loads(line) for topic, line in simulated.lines() if topic == "comments"]
    told = {event["id"] for event in comments if "op" not in event}
    unheard = [event for event in comments if "parent" in event and event["parent"] not in told]
    assert {event["account"] for event in unheard} == set(ACCOUNTS[4:])
    removed = {event["id"] for event in comments if event.get("op") == "remove"}
    assert any(event["id"] in removed for event in comments if "own" in event)
    assert removed & {event.get("parent") for event in comments}
    assert len(told) < len([event for event in comments if "op" not in event]), "duplicates"


def test_a_back_test_finds_what_the_simulator_knows(simulated: Simulated, tmp_path: Path) -> None:
    lines = ({"topic": topic, **json.loads(line)} for topic, line in simulated.lines())
    path = write_lines(tmp_path / "events.jsonl", lines)
    _, rows, _ = backtest(
        tmp_path,
        ACCOUNTS,
        path,
        client=CLIENT,
        step_ms=HOUR_MS,
        from_ms=END_MS,
        to_ms=END_MS,
        kpis=KPIS,
        windows=DEEP_WINDOWS,
        dense=True,
    )
    found = {
        (row["account"], row["window"], row["kpi"], row["part"]): (
            row["value"],
            row["numerator"],
            row["denominator"],
        )
        for row in rows
        if row["part"] not in UNTOLD
    }
    compare(found, simulated.truth)


def figures_of(driven: Driven) -> DeepFigures:
    job = deep_job(driven.engine)
    assert job is not None
    return job()


def read(driven: Driven, batch: Batch) -> None:
    for topic in ("likes", "comments", "shares", "posts", "audience"):
        driven.read(*(r.value or b"" for r in batch.outgoing() if r.topic == topic), topic=topic)


def test_a_restart_in_the_middle_changes_nothing(simulated: Simulated) -> None:
    """The second day is read, not stored, and read again by the next engine."""
    registry = registry_of(*ACCOUNTS, **CLIENT)
    whole, parted = (Driven(*ACCOUNTS, now_ms=None, registry=registry) for _ in range(2))
    for batch in simulated.batches:
        read(whole, batch)
    whole.advance(END_MS)
    first, second, third = simulated.batches
    read(parted, first)
    parted.flush()
    read(parted, second)
    parted.restart(None)
    read(parted, second)
    parted.advance(END_MS - DAY_MS)
    parted.flush()
    parted.restart(None)
    read(parted, third)
    parted.advance(END_MS)

    one, other = figures_of(whole), figures_of(parted)
    assert one.at_ms == other.at_ms == END_MS
    for (kpi, window, column), (_, _, again) in zip(one.columns, other.columns, strict=True):
        assert column.parts == again.parts, (kpi.id, window)
        for name in ("value", "lo", "hi", "numerator", "denominator", "reason", "rows"):
            mine, theirs = getattr(column, name), getattr(again, name)
            if mine is not None:
                np.testing.assert_array_equal(mine, theirs, err_msg=f"{kpi.id} {window} {name}")
    compare(dict(figures_by_key(other)), simulated.truth)


def figures_by_key(figures: DeepFigures) -> Iterator[tuple[Key, Figures]]:
    for kpi, window, column in figures.columns:
        if kpi.id in KPIS and column.part not in UNTOLD:
            numbers = column.value, column.numerator, column.denominator
            for account, *found in zip(ACCOUNTS, *(part.tolist() for part in numbers), strict=True):
                value, numerator, denominator = (None if np.isnan(one) else one for one in found)
                yield (account, window, kpi.id, column.part), (value, numerator, denominator)
