"""What each owned partition tells topics ``kpis`` and ``kpis.deep``."""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

from resonanz_streams.clock import Clock
from resonanz_streams.deep_book import DeepBook
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.evaluation import Compute, plainly
from resonanz_streams.snapshots import SnapshotBook
from resonanz_streams.topics import DEEP, KPIS
from resonanz_streams.transports.ports import Outgoing

LEAST_SECONDS: Final = 0.015
"""In less, what KPIs cost however few the accounts would be most of it."""


def share(left: float, partitions: int) -> float:
    """Of what is ``left`` of a tick's time for snapshots, the next partition's part, with so many to come. A
    little for each would be wasted: some have enough, the others their turn in the next tick."""
    return min(left, max(left / partitions, LEAST_SECONDS))


class Telling:
    """Remembers per partition what was told; ``deep``: what else there is to tell; ``every_tick``: see
    SnapshotBook. ``spent_seconds``: CPU time of all snapshots so far."""

    def __init__(self, clock: Clock, deep: DeepBook, *, every_tick: bool, compute: Compute = plainly) -> None:
        self.spent_seconds = 0.0
        self._clock = clock
        self._deep = deep
        self._every_tick = every_tick
        self._compute = compute
        self._books: dict[int, SnapshotBook] = {}
        self._last = -1

    def begin(self, partition: int, engine: PartitionEngine) -> None:
        """It is owned now: everything is to be told."""
        self._books[partition] = SnapshotBook(
            engine.accounts, every_tick=self._every_tick, compute=self._compute
        )

    def end(self, partition: int) -> None:
        """It is another's now."""
        self._books.pop(partition, None)

    def in_turn(self, partitions: Iterable[int]) -> Sequence[int]:
        """The partitions, beginning with the one after that which was told last."""
        ordered = sorted(partitions)
        start = bisect_right(ordered, self._last)
        return [*ordered[start:], *ordered[:start]]

    async def records(self, partition: int, engine: PartitionEngine, seconds: float) -> Sequence[Outgoing]:
        """Snapshots as of now, as many as ``seconds`` of CPU allow, at least one slice; none without any.

        Runs may be counted meanwhile: the flush then holds more than they show, so each says how far the log
        was read for it.
        """
        if seconds <= 0:
            return ()
        # First: the inputs of what follows show one moment, and others may work while this is made.
        records = await self._deep_records(partition)
        begun = time.thread_time()
        engine.settle()
        inputs = engine.inputs()
        if inputs is None or partition not in self._books:
            return records
        self._last = partition
        read = dict(engine.offsets)
        book, clock = self._books[partition], self._clock()
        due = book.due(inputs, clock)
        limit = self.spent_seconds + seconds
        for told in book.encode(due, inputs, clock, read=read):
            records += [Outgoing(KPIS, key=key, value=value, partition=partition) for key, value in told]
            self.spent_seconds += time.thread_time() - begun
            if told and self.spent_seconds >= limit:
                return records
            await asyncio.sleep(0)
            begun = time.thread_time()
        self.spent_seconds += time.thread_time() - begun
        return records

    async def _deep_records(self, partition: int) -> list[Outgoing]:
        """Those that go into the next flush."""
        news = self._deep.news.get(partition)
        job = None if news is None else news.take()
        found = [] if job is None else await asyncio.to_thread(job)
        return [Outgoing(DEEP, *one, partition=partition) for one in found]
