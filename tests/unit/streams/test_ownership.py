"""Partitions come and go: what a worker shows, and writes, of what may be others' by now."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest
from tests.engines import event
from tests.stores import MemoryStore, Played, heartbeat
from tests.unit.streams.test_exporter import accounts_in, exporter_of, scraped

from resonanz_streams.errors import RetryError
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
