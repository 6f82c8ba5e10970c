"""What each owned partition tells topic ``kpis``."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from resonanz_streams.clock import Clock
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.snapshots import SnapshotBook
from resonanz_streams.topics import KPIS
from resonanz_streams.transports.ports import Outgoing


class Telling:
    """Remembers per partition what was told; ``every_tick``: see SnapshotBook."""

    def __init__(self, clock: Clock, *, every_tick: bool) -> None:
        self._clock = clock
        self._every_tick = every_tick
        self._books: dict[int, SnapshotBook] = {}

    def begin(self, partition: int, engine: PartitionEngine) -> None:
        """It is owned now: everything is to be told."""
        self._books[partition] = SnapshotBook(engine.accounts, every_tick=self._every_tick)

    def end(self, partition: int) -> None:
        """It is another's now."""
        self._books.pop(partition, None)

    async def records(self, partition: int, engine: PartitionEngine, seconds: float) -> Sequence[Outgoing]:
        """Snapshots as of now, as many as ``seconds`` of CPU allow; none without any. Runs may be counted
        meanwhile: the flush then holds more than they show, so each says how far the log was read for it.
        """
        engine.settle()
        inputs = engine.inputs() if seconds > 0 else None
        if inputs is None:
            return ()
        read = dict(engine.offsets)
        book, clock = self._books[partition], self._clock()
        due = book.due(inputs, clock)
        if len(due):
            # Now: the rings it is read from go on when others work, and the snapshot must not.
            peaks = inputs.peak_per_minute()
            inputs = replace(inputs, peak_per_minute=lambda: peaks)
        await asyncio.sleep(0)
        records: list[Outgoing] = []
        for told in book.encode(due, inputs, clock, seconds, read=read):
            records += [Outgoing(KPIS, key=key, value=value, partition=partition) for key, value in told]
            await asyncio.sleep(0)
        return records
