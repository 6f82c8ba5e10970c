"""A back-test against the plain model: any log, in any order, in any number of files, at any instants."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backtests import backtest, write_lines
from tests.naive import WINDOWS, Model
from tests.strategies import ACCOUNTS, DAY, HOUR, MINUTE, Event, logs

NOW_MS = 1_700_000_000_000
STEPS = st.sampled_from((10_000, 7 * MINUTE + 1, HOUR, DAY, 3 * DAY + 1, 31 * DAY))
PARTS = ("like", "comment", "share", "removed")


def events_of(log: dict[str, list[list[Event]]]) -> list[Event]:
    return [event for records in log.values() for record in records for event in record]


def expected(events: Sequence[Event], now_ms: int) -> dict[tuple[str, str, str], float]:
    """Count by account, window and part, after what had happened by ``now_ms``."""
    model = Model(horizon=10**15)
    for kind in ("like", "comment", "share"):
        model.read(kind, [event for event in events if event["kind"] == kind], 0)
    model.advance(now_ms)
    found: dict[tuple[str, str, str], float] = {}
    for account in ACCOUNTS:
        for window in WINDOWS:
            for part, count in zip(PARTS, model.counts(account, window), strict=True):
                found[account, window, part] = count
        found[account, "24h", "peak"] = model.peak(account)
    return {key: value for key, value in found.items() if value}


def found_at(rows: Sequence[dict[str, Any]], now_ms: int) -> dict[tuple[str, str, str], float]:
    return {
        (row["account"], row["window"], row["part"]): row["value"]
        for row in rows
        if row["at_ms"] == now_ms and row["part"] is not None
    }


@settings(max_examples=300, deadline=None)
@given(
    logs(reference_ms=NOW_MS, ahead_ms=40 * DAY),
    st.integers(-32 * DAY, 32 * DAY),
    STEPS,
    st.integers(0, 6),
    st.randoms(use_true_random=False),
)
def test_every_instant_holds_exactly_what_had_happened_by_then(
    log: dict[str, list[list[Event]]], begin: int, step: int, steps: int, random: Any
) -> None:
    events = events_of(log)
    if not events:
        return
    random.shuffle(events)
    cut = random.randint(0, len(events) - 1)
    with TemporaryDirectory() as name:
        folder = Path(name)
        files = [
            write_lines(folder / f"{number}.jsonl", part)
            for number, part in enumerate((events[:cut], events[cut:]))
            if part
        ]
        start = NOW_MS + begin
        done, rows, _ = backtest(
            folder,
            ACCOUNTS,
            *files,
            step_ms=step,
            from_ms=start,
            to_ms=start + step * steps,
            kpis=["interactions", "velocity"],
        )
    assert done.steps == steps + 1
    for number in range(done.steps):
        assert found_at(rows, start + number * step) == expected(events, start + number * step)


@settings(max_examples=50, deadline=None)
@given(logs(reference_ms=NOW_MS, ahead_ms=0), STEPS.filter(lambda step: step >= HOUR))
def test_coverage_is_the_share_of_the_window_between_the_first_row_and_the_last(
    log: dict[str, list[list[Event]]], step: int
) -> None:
    events = events_of(log)
    if not events:
        return
    first, last = min(event["at_ms"] for event in events), max(event["at_ms"] for event in events)
    here = {event["account"] for event in events}
    with TemporaryDirectory() as name:
        folder = Path(name)
        path = write_lines(folder / "x.jsonl", events)
        _, rows, _ = backtest(
            folder, ACCOUNTS, path, step_ms=step, from_ms=NOW_MS - 3 * step, kpis=["velocity"], dense=True
        )
    for row in rows:
        length, now = WINDOWS[row["window"]][0], row["at_ms"]
        watched = max(0, min(now, last) - max(now - length, first)) if row["account"] in here else 0
        assert row["coverage"] == watched / length
