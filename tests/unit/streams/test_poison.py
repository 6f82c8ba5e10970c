"""A record on which counting itself fails is quarantined, and nothing else is lost or doubled."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest
from tests.engines import NOW_MS, event, line, run_of
from tests.poisoned import POISON, LatelyPoisonedMeasures, PoisonedAudience, PoisonedMeasures
from tests.stores import Played

from resonanz_streams.errors import RECOUNT, RetryError, StopError
from resonanz_streams.measures import MakeMeasures
from resonanz_streams.metrics import build_metrics
from resonanz_streams.poison import CARE_RUNS
from resonanz_streams.topics import DEAD_LETTERS
from resonanz_streams.transports.ports import Outgoing

MINUTE = 60_000


def like(number: int, **changes: Any) -> dict[str, Any]:
    return event(id=str(number), **changes)


def poison(number: int) -> dict[str, Any]:
    return like(number, count=POISON)


class Life(Played):
    """A worker's pipeline, one partition: it starts over when it must, and reads again from its offsets."""

    def __init__(self, measures: MakeMeasures, topic: str = "likes") -> None:
        super().__init__("file:a", partitions=1, measures=measures)
        self.starts = 0
        self._topic = topic

    async def live(self, records: Sequence[bytes | dict[str, Any]], size: int = 4) -> None:
        """Read all records, ``size`` a run; stops with the failure that the worker would stop with."""
        while True:
            self.starts += 1
            positions = await self.own(0)
            await self._read_from(positions.get((self._topic, 0), 0), records, size)
            failure = self.pipeline.failure
            if failure is None:
                return
            if not isinstance(failure, RetryError):
                raise failure
            self.pipeline.drop_all()
            self.pipeline.begin()

    async def _read_from(self, start: int, records: Sequence[bytes | dict[str, Any]], size: int) -> None:
        for first in range(start, len(records), size):
            part = records[first : first + size]
            await self.pipeline.apply(run_of(*part, topic=self._topic, start=first))
            if first // size % 2:
                await self.tick()
            if self.pipeline.failure is not None:
                return
        await self.tick()

    def letters(self) -> list[Outgoing]:
        return [record for record in self.store.records if record.topic == DEAD_LETTERS]


def headers(letter: Outgoing) -> dict[str, str]:
    return {name: value.decode() for name, value in letter.headers}


def test_a_poisoned_record_is_quarantined_with_its_bytes_and_the_others_count_once() -> None:
    async def scene() -> None:
        life = Life(PoisonedMeasures)
        await life.live([like(0), like(1), like(2), poison(3), like(4), like(4), like(5)])
        assert life.counts("file:a") == [5, 0, 0, 0]
        assert life.starts == 2
        (letter,) = life.letters()
        assert letter.value == line(poison(3))
        assert headers(letter) == {
            "reason": "quarantined",
            "topic": "likes",
            "partition": "0",
            "offset": "3",
            "error": "counting it failed: UnforeseenError",
        }
        assert (
            life.pipeline.positions() == {("likes", 0): 7} == {("likes", 0): life.store.offsets[0]["likes"]}
        )
        metrics = build_metrics(life.pipeline, lambda: NOW_MS)
        assert metrics.get_sample_value("resonanz_counting_failures_total", {"partition": "0"}) == 1
        assert metrics.get_sample_value("resonanz_dead_letters_total", {"reason": "quarantined"}) == 1

    asyncio.run(scene())


def test_of_a_record_with_many_lines_only_the_poisoned_line_goes() -> None:
    async def scene() -> None:
        life = Life(PoisonedMeasures)
        many = b"\n".join(line(one) for one in (like(1), poison(2), like(3)))
        await life.live([like(0), many, like(4)])
        assert life.counts("file:a") == [4, 0, 0, 0]
        assert [(letter.value, headers(letter)["offset"]) for letter in life.letters()] == [
            (line(poison(2)), "1")
        ]

    asyncio.run(scene())


def test_many_poisoned_records_cost_one_start_over(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        life = Life(PoisonedMeasures)
        records = [poison(n) if n % 7 == 3 else like(n) for n in range(70)]
        with caplog.at_level(logging.ERROR):
            await life.live(records, size=10)
        assert life.counts("file:a") == [60, 0, 0, 0]
        assert [letter.value for letter in life.letters()] == [
            line(poison(n)) for n in range(70) if n % 7 == 3
        ]
        assert life.starts == 2
        assert len(caplog.records) == 7, "a line for each run that held some"
        assert caplog.messages[0] == (
            "likes/0: quarantined, for it could not be counted: 1 of the lines at offset 3 "
            "(counting it failed: UnforeseenError)"
        )

    asyncio.run(scene())


def test_a_record_that_fails_only_when_kpis_are_computed_is_found_too() -> None:
    async def scene() -> None:
        life = Life(LatelyPoisonedMeasures)
        await life.live([like(0), like(1), poison(2), like(3), like(4), like(5), like(6), like(7), like(8)])
        assert life.counts("file:a") == [8, 0, 0, 0]
        assert [letter.value for letter in life.letters()] == [line(poison(2))]

    asyncio.run(scene())


def test_one_that_is_ahead_of_the_clock_is_found_when_it_is_read_with_care() -> None:
    async def scene() -> None:
        life = Life(PoisonedMeasures)
        ahead = like(1, count=POISON, at_ms=NOW_MS + MINUTE)
        await life.live([poison(0), ahead, like(2)])
        await life.tick(2 * MINUTE)
        assert life.pipeline.failure is None
        assert life.counts("file:a") == [1, 0, 0, 0]
        assert [letter.value for letter in life.letters()] == [line(poison(0)), line(ahead)]

    asyncio.run(scene())


def test_a_poisoned_follower_snapshot_is_quarantined() -> None:
    def snapshot(number: int, followers: int) -> dict[str, Any]:
        at_ms = NOW_MS - MINUTE + number
        return {
            "id": str(number),
            "source": "file",
            "account": "file:a",
            "at_ms": at_ms,
            "followers": followers,
        }

    async def scene() -> None:
        life = Life(PoisonedAudience, "audience")
        await life.live([snapshot(0, 100), snapshot(1, POISON), snapshot(2, 300)])
        (letter,) = life.letters()
        assert letter.value == line(snapshot(1, POISON))
        assert headers(letter)["topic"] == "audience"
        inputs = life.pipeline.engines[0].inputs()
        assert inputs is not None
        assert inputs.followers["1m"].round().tolist() == [300.0]

    asyncio.run(scene())


def test_after_a_crash_between_reading_and_writing_it_is_quarantined_once() -> None:
    async def scene() -> None:
        life = Life(PoisonedMeasures)
        records = [like(0), poison(1), like(2)]
        await life.own(0)
        await life.pipeline.apply(run_of(*records))
        life.pipeline.drop_all()
        life.pipeline.begin()
        await life.own(0)
        life.store.failing[0] = RetryError("away")
        await life.pipeline.apply(run_of(*records))
        assert life.letters() == [], "found, not written"
        life.pipeline.drop_all()
        life.pipeline.begin()
        await life.live(records)
        assert [letter.value for letter in life.letters()] == [line(poison(1))]
        assert life.counts("file:a") == [2, 0, 0, 0]

    asyncio.run(scene())


class AlwaysFailing(PoisonedMeasures):
    """Whatever is read, time cannot pass."""

    def advance(self, now_ms: int) -> None:
        if self.now_ms is not None:
            raise ZeroDivisionError
        super().advance(now_ms)


def test_where_no_record_is_to_blame_the_worker_stops_after_three_failures() -> None:
    async def scene() -> None:
        life = Life(AlwaysFailing)
        with pytest.raises(StopError) as caught:
            await life.live([like(0), like(1)])
        assert str(caught.value) == (
            "partition 0: counting failed 3 times in a row (ZeroDivisionError()), and no record alone is to "
            "blame; " + RECOUNT
        )
        assert life.starts == 3
        assert life.letters() == []

    asyncio.run(scene())


def test_care_ends_after_many_runs_that_can_be_counted() -> None:
    async def scene() -> None:
        life = Life(PoisonedMeasures)
        await life.live([poison(0), *(like(n) for n in range(1, CARE_RUNS + 1))], size=1)
        assert life.pipeline.care._left == {}
        assert life.pipeline.care._trials == {}
        assert life.counts("file:a") == [CARE_RUNS, 0, 0, 0]

    asyncio.run(scene())
