"""The engine against the naive model, whatever the order of reading, and across restarts and crashes."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines import NOW_MS, engine_of, without_posts
from tests.naive import DAY, WINDOWS, Model
from tests.strategies import ACCOUNTS, logs, steps

from resonanz_streams.engine import PartitionEngine
from resonanz_streams.events import Status
from resonanz_streams.topics import LATE
from resonanz_streams.transports.ports import Recovered, Run

TOPICS = {"like": "likes", "comment": "comments", "share": "shares"}
HORIZON = 29 * DAY
Log = dict[str, list[list[dict[str, Any]]]]


class Pair:
    """An engine with a store and a log of its own, and the model that is told the same."""

    def __init__(self, log: Log, *, event_clock: bool) -> None:
        self.log = log
        self.event_clock = event_clock
        self.clock = NOW_MS
        self.now = NOW_MS
        self.model = Model(HORIZON)
        self.rows: dict[bytes, bytes] = {}
        self.offsets: dict[str, int] = {}
        self.late: list[bytes] = []
        self.status: Status | None = None
        self.engine = self.recovered()

    def recovered(self) -> PartitionEngine:
        engine = engine_of(*ACCOUNTS)
        engine.restore(Recovered(self.rows, self.offsets), None if self.event_clock else self.clock)
        if not self.event_clock:
            self.model.advance(self.clock)
        if self.status is not None:
            engine.observe(self.status)
        return engine

    def read(self, kind: str, count: int) -> None:
        start = self.engine.offsets.get(TOPICS[kind], 0)
        assert start == self.model.memory.positions.get(kind, 0)
        records = self.log[kind][start : start + count]
        if not records:
            return
        values = [b"\n".join(json.dumps(event).encode() for event in record) for record in records]
        end = start + len(records)
        # With the event clock, the wall clock is long past everything in the log.
        clock = self.clock + (1000 * DAY if self.event_clock else 0)
        self.engine.apply(Run(TOPICS[kind], 0, start, end, values, range(start, end)), clock)
        self.model.read(kind, [event for record in records for event in record], end)

    def time_passes(self, by: int) -> None:
        self.clock += by
        self.now = self.clock
        self.engine.advance(self.clock)
        self.model.advance(self.clock)
        self.compare()

    def complete(self, ahead: int) -> None:
        self.status = Status(
            connector="file",
            account=ACCOUNTS[0],
            at_ms=self.clock,
            state="ok",
            since_ms=0,
            complete_through_ms=self.clock + (ahead if self.event_clock else min(ahead, 0)),
        )
        self.engine.observe(self.status)
        self.model.through = self.status.complete_through_ms

    def flush(self) -> None:
        flush = self.engine.take_flush()
        if flush is None:
            # Nothing was read. That time passed alone is not worth a row: the next owner finds out.
            return
        self.model.flush()
        for key, row in flush.rows.items():
            if row is None:
                del self.rows[key]
            else:
                self.rows[key] = row
        self.offsets = dict(flush.offsets)
        self.late += [record.value for record in flush.records if record.topic == LATE and record.value]
        assert sorted(self.late) == sorted(json.dumps(event).encode() for event in self.model.memory.late)

    def restart(self) -> None:
        self.flush()
        self.crash()

    def crash(self) -> None:
        self.model.crash()
        self.engine = self.recovered()

    def merge(self) -> None:
        while (job := self.engine.merge_job()) is not None:
            job()()

    def compare(self) -> None:
        inputs = self.engine.inputs()
        if self.model.memory.now is None:
            assert inputs is None
            return
        assert inputs is not None
        assert inputs.now_ms == self.model.memory.now
        found = {window: [without_posts(row) for row in inputs.counts[window]] for window in WINDOWS}
        assert found == {
            window: [self.model.counts(account, window) for account in ACCOUNTS] for window in WINDOWS
        }
        assert inputs.peak_per_minute().tolist() == [self.model.peak(account) for account in ACCOUNTS]

    def play(self, todo: list[tuple[str, Any]]) -> None:
        for what, detail in todo:
            match what:
                case "read":
                    self.read(*detail)
                case "pass":
                    self.time_passes(detail)
                case "complete":
                    self.complete(detail)
                case "flush":
                    self.flush()
                case "restart":
                    self.restart()
                case "crash":
                    self.crash()
                case "merge":
                    self.merge()

    def finish(self, passes: list[int]) -> None:
        for kind in TOPICS:
            self.read(kind, 10**6)
        for by in passes:
            self.time_passes(by)


PASSES = st.lists(st.one_of(st.integers(1, 400_000), st.integers(1, 2 * DAY)), min_size=1, max_size=3)


@settings(max_examples=400, deadline=None)
@given(logs(reference_ms=NOW_MS, ahead_ms=600_000), steps(), PASSES)
def test_on_the_wall_clock_the_windows_are_those_of_the_model(
    log: Log, todo: list[tuple[str, Any]], passes: list[int]
) -> None:
    pair = Pair(log, event_clock=False)
    pair.play(todo)
    pair.finish(passes)


@settings(max_examples=400, deadline=None)
@given(logs(reference_ms=NOW_MS, ahead_ms=40 * DAY), steps(), PASSES)
def test_on_the_event_clock_the_windows_are_those_of_the_model(
    log: Log, todo: list[tuple[str, Any]], passes: list[int]
) -> None:
    pair = Pair(log, event_clock=True)
    pair.play(todo)
    pair.finish(passes)


@settings(max_examples=150, deadline=None)
@given(logs(reference_ms=NOW_MS, ahead_ms=600_000), st.lists(st.integers(1, 4), max_size=6))
def test_every_event_read_has_one_outcome(log: Log, sizes: list[int]) -> None:
    pair = Pair(log, event_clock=False)
    for size in sizes:
        for kind in TOPICS:
            pair.read(kind, size)
    pair.finish([700_000])
    assert pair.engine.tally.outcomes.total() == sum(len(record) for kind in log.values() for record in kind)


@settings(max_examples=150, deadline=None)
@given(logs(reference_ms=NOW_MS, ahead_ms=0), st.randoms(use_true_random=False))
def test_the_order_of_the_log_does_not_matter(log: Log, random: Any) -> None:
    first, second = Pair(log, event_clock=False), Pair({}, event_clock=False)
    second.log = {kind: random.sample(records, len(records)) for kind, records in log.items()}
    first.finish([1])
    second.finish([1])
    a, b = first.engine.inputs(), second.engine.inputs()
    assert a is not None
    assert b is not None
    assert {w: c.tolist() for w, c in a.counts.items()} == {w: c.tolist() for w, c in b.counts.items()}
