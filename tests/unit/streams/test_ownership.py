"""Partitions come and go: what a worker shows, and writes, of what may be others' by now."""

import asyncio
import math
import time
from collections.abc import Coroutine
from typing import Any

import pytest
from tests.engines import NOW_MS, Driven, engine_of, event
from tests.stores import MemoryStore, Played, heartbeat
from tests.unit.streams.test_exporter import accounts_in, exporter_of, scraped

from resonanz_streams.errors import RetryError, StopError
from resonanz_streams.pipeline import Pipeline
from resonanz_streams.transports.ports import Flush, Recovered

# file:a lives in partition 0 of 4, file:e in 1, file:b in 3.


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


class SlowStore(MemoryStore):
    """Flushes and recoveries that have begun wait for ``go``; ``busy``: how many wait."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.busy = 0

    async def flush(self, partition: int, flush: Flush) -> None:
        await self._wait()
        await super().flush(partition, flush)

    async def recover(self, partition: int) -> Recovered:
        await self._wait()
        return await super().recover(partition)

    async def _wait(self) -> None:
        self.busy += 1
        await self.go.wait()
        self.busy -= 1


def slow(played: Played) -> SlowStore:
    """From now on ``played`` has a slow store."""
    store = SlowStore()
    played.store = store
    played.pipeline = Pipeline(played.settings, played.registry, store, lambda: played.clock_ms)
    return store


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def test_what_others_own_is_not_shown_although_its_last_flush_is_still_under_way() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:b")
        store = slow(played)
        store.go.set()
        await played.own(0, 3)
        for name in ("file:a", "file:b"):
            played.pipeline.observe(heartbeat(name))
        await played.read(event())
        store.go.clear()
        ticking = asyncio.create_task(played.tick())
        await turns(20)
        assert store.busy == 1
        assigning = asyncio.create_task(played.own(3))
        await turns(20)
        assert not assigning.done()
        assert accounts_in(exporter_of(played)) == ["file:b"]
        store.go.set()
        await asyncio.gather(ticking, assigning)
        assert [call for call in store.calls if call.endswith(" 0")] == ["recover 0", "flush 0", "release 0"]

    run(scene())


def test_partitions_are_recovered_several_at_once() -> None:
    async def scene() -> None:
        played = Played("file:a", partitions=6)
        store = slow(played)
        owning = asyncio.create_task(played.own())
        await turns(20)
        assert store.busy == 4
        assert len(played.pipeline.recovering) == 6
        store.go.set()
        await owning
        assert sorted(played.pipeline.engines) == [0, 1, 2, 3, 4, 5]
        assert played.pipeline.recovering == set()

    run(scene())


def test_one_recovery_that_fails_fails_them_all_with_its_own_error() -> None:
    async def scene() -> None:
        played = Played("file:a")
        played.store.failing[2] = RetryError("away")
        with pytest.raises(RetryError, match="away"):
            await played.own()
        assert played.pipeline.recovering == set()

    run(scene())


def test_out_of_touch_nothing_of_an_account_is_exported() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own()
        played.pipeline.observe(heartbeat())
        await played.tick()
        exporter = exporter_of(played)
        played.pipeline.ours_until = time.monotonic() + 60
        assert accounts_in(exporter) == ["file:a"]
        played.pipeline.ours_until = time.monotonic() - 0.001
        told = scraped(exporter)
        assert not [name for name, samples in told.items() for labels in samples if "file:a" in labels]
        assert told["resonanz_series"] == {(): 0.0}

    run(scene())


def test_until_an_earlier_owner_has_been_told_nothing_is_exported_but_counted_and_kept() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own()
        played.pipeline.observe(heartbeat())
        await played.read(event())
        await played.tick()
        exporter = exporter_of(played)
        played.pipeline.ours_from = time.monotonic() + 60
        assert accounts_in(exporter) == []
        await played.pipeline.revoked(frozenset(range(4)))
        assert list(played.pipeline.engines) == [0, 1, 2, 3]
        played.pipeline.ours_from = time.monotonic() - 0.001
        assert accounts_in(exporter) == ["file:a"]

    run(scene())


def test_what_is_recovered_after_everything_was_dropped_comes_too_late() -> None:
    async def scene() -> None:
        played = Played("file:a")
        store = slow(played)
        owning = asyncio.create_task(played.own())
        await turns(5)
        assert store.busy == 4
        played.pipeline.drop_all()
        played.pipeline.begin()
        store.go.set()
        assert await owning == {}
        assert played.pipeline.engines == {}

    run(scene())


def test_an_app_that_ends_is_assigned_nothing_any_more() -> None:
    async def scene() -> None:
        played = Played("file:a")
        played.pipeline.drop_all()
        assert await played.own() == {}
        assert played.store.calls == [], "to recover would shut out who owns it now"
        played.pipeline.ours_until = math.inf
        assert played.pipeline.shown() == {}
        played.pipeline.begin()
        await played.own()
        assert list(played.pipeline.shown()) == [0, 1, 2, 3]

    run(scene())


def test_out_of_touch_nothing_is_written_before_the_partitions_go() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own()
        await played.read(event())
        played.pipeline.ours_until = time.monotonic() - 0.001
        await played.pipeline.revoked(frozenset(range(4)))
        assert played.store.flushes == []
        assert played.pipeline.engines == {}

    run(scene())


def test_while_partitions_are_shared_anew_a_worker_says_so() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own()
        assert not played.pipeline.sharing
        await played.pipeline.revoked(frozenset(range(4)))
        assert played.pipeline.sharing
        await played.own(0)
        assert not played.pipeline.sharing

    run(scene())


# -- topics that have grown ------------------------------------------------------------------------------


def test_a_partition_beyond_the_configured_ones_is_refused() -> None:
    async def scene() -> None:
        with pytest.raises(StopError, match="a topic has 5 partitions, the configuration says 4; partitions"):
            await Played("file:a").own(0, 4)

    run(scene())


def test_lines_in_a_wrong_partition_are_written_once_somebody_has_looked_why() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:b")
        await played.own()
        await played.read(event(account="file:b"), partition=0)
        await played.tick()
        assert [number for number, _ in played.store.flushes] == [3]
        growth, engines = played.pipeline.growth, played.pipeline.engines
        doubts = growth.doubts(engines)
        assert doubts == {0: 1}
        await played.read(event(account="file:b"), partition=0)
        growth.explain(doubts)
        assert growth.doubts(engines) == {0: 2}
        growth.explain({0: 2})
        await played.tick()
        assert [record.topic for record in played.store.records if not record.topic.startswith("kpis")] == [
            "dead-letters"
        ] * 2

    run(scene())


def test_a_state_that_was_divided_otherwise_is_refused() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own()
        await played.read(event())
        await played.tick()
        other = Played("file:a", partitions=5)
        other.pipeline = Pipeline(other.settings, other.registry, played.store, lambda: other.clock_ms)
        with pytest.raises(StopError, match="stands in 4 partitions, the configuration says 5; write partit"):
            await other.own()

    run(scene())


def test_a_log_that_is_shorter_than_what_was_counted_is_refused_also_without_offsets() -> None:
    driven = Driven()
    driven.read(*[event(id=str(number)) for number in range(5)])
    driven.flush()
    engine = engine_of("file:a")
    engine.restore(Recovered(driven.rows, {}, {"likes": 5}), NOW_MS)
    assert engine.offsets == {"likes": 5}
    with pytest.raises(StopError, match="topic likes, partition 0, ends at 4, but its records up to 5 have"):
        engine_of("file:a").restore(Recovered(driven.rows, {}, {"likes": 4}), NOW_MS)


def test_committed_offsets_of_one_topic_alone_that_are_gone_are_refused() -> None:
    driven = Driven()
    driven.read(event())
    driven.read(event(id="2"), topic="shares")
    driven.flush()
    with pytest.raises(StopError, match="committed offsets of likes are gone, those of other topics are not"):
        engine_of("file:a").restore(Recovered(driven.rows, {"shares": 1}), NOW_MS)
