"""A month of interactions, then an hour of it at one flush a second, written by the engine itself but faster.

The hour's seconds are a clock that is set: a tick is over when its flush is durable. So the state goes
through as many flushes and rows as in an hour, in a few minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.pipeline import Pipeline
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import load_settings
from resonanz_streams.topics import DAY_MS, partition_of
from resonanz_streams.transports.ports import Outgoing, Run
from tests.brokers import Broker
from tests.faults.soak_load import KINDS, PARTITIONS, Ints, Standing, line_of

_SHARES: Final = (0.70, 0.20, 0.10)
_REMOVALS: Final = 0.05
_BATCH: Final = 15_000
"""Operations of the month in a flush."""


@dataclass(frozen=True)
class History:
    """``past`` operations over 28 days, then ``per_tick`` with each of ``ticks`` seconds until ``end_ms``;
    one in twenty takes an earlier one back."""

    accounts: int
    past: int
    ticks: int
    per_tick: int
    end_ms: int

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of all accounts."""
        return tuple(f"file:h{number}" for number in range(self.accounts))

    @cached_property
    def partitions(self) -> tuple[int, ...]:
        """Of each account."""
        return tuple(partition_of(name, PARTITIONS) for name in self.names)

    @cached_property
    def columns(self) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        """Number, account, kind, removal and time of all operations, in the order of their times."""
        rng = np.random.default_rng(23)
        count = self.past + self.ticks * self.per_tick
        weights = 1 / np.arange(1, self.accounts + 1) ** 0.8
        number = np.arange(count)
        account = rng.choice(self.accounts, count, p=weights / weights.sum())
        kind = rng.choice(len(KINDS), count, p=_SHARES)
        removal = np.zeros(count, dtype=np.int64)
        later = np.flatnonzero(rng.random(count) < _REMOVALS)[1:]
        earlier = later - rng.integers(1, later + 1)
        # A removal of a removal would be of nothing.
        usable = ~np.isin(earlier, later)
        number[later[usable]] = earlier[usable]
        removal[later[usable]] = 1
        account, kind = account[number], kind[number]
        start_ms = self.end_ms - self.ticks * 1000
        past = np.linspace(self.end_ms - 28 * DAY_MS, start_ms, self.past, endpoint=False)
        hour = np.linspace(start_ms, self.end_ms, self.ticks * self.per_tick, endpoint=False)
        return number, account, kind, removal, np.concatenate((past, hour)).astype(np.int64)

    def batches(self) -> Iterator[tuple[int, slice]]:
        """The clock after it, and the operations, of each flush: some of the month, then one a second."""
        ends = [*range(_BATCH, self.past, _BATCH), self.past]
        ends += [self.past + self.per_tick * (tick + 1) for tick in range(self.ticks)]
        for start, end in zip([0, *ends], ends, strict=False):
            tick = max(0, (end - self.past) // self.per_tick)
            yield self.end_ms - (self.ticks - tick) * 1000, slice(start, end)

    def records(self, part: slice) -> Iterator[Outgoing]:
        """Those operations, in records of many lines."""
        packs: dict[tuple[int, int], list[bytes]] = {}
        columns = (column[part].tolist() for column in self.columns)
        for number, account, kind, removal, at_ms in zip(*columns, strict=True):
            line = line_of(self.names[account], number, kind, removal=removal, at_ms=at_ms)
            packs.setdefault((kind, self.partitions[account]), []).append(line)
        for (kind, partition), lines in packs.items():
            yield Outgoing(f"{KINDS[kind]}s", None, b"\n".join(lines), partition=partition)

    def standing(self) -> Standing:
        """What counts at the end."""
        number, account, kind, removal, at_ms = self.columns
        times = np.full((2, len(number)), -1)
        np.maximum.at(times, (removal, number), at_ms)
        return Standing.of(times, account, kind, self.accounts)


async def write(history: History, broker: Broker, config: Path) -> int:
    """Publish it, and bring it into the state; returns the number of flushes."""
    settings = load_settings(config, {})
    registry = build_registry(settings)
    store = broker.store(settings.group)
    clock_ms = history.end_ms - history.ticks * 1000
    pipeline = Pipeline(settings, registry, store, lambda: clock_ms)
    publisher = open_publisher(broker.url, prefix=broker.prefix)
    flushes = 0
    try:
        await pipeline.assigned(frozenset(range(PARTITIONS)))
        for until_ms, part in history.batches():
            clock_ms = until_ms
            records = list(history.records(part))
            publisher.publish(records)
            for record in records:
                await pipeline.apply(_run(record, pipeline))
            await pipeline.cycle(0.0)
            flushes += PARTITIONS
        publisher.flush()
    finally:
        publisher.close()
        await store.close()
    return flushes


def _run(record: Outgoing, pipeline: Pipeline) -> Run:
    assert record.partition is not None
    assert record.value is not None
    start = pipeline.positions().get((record.topic, record.partition), 0)
    return Run(record.topic, record.partition, start, start + 1, [record.value], range(start, start + 1))
