"""A state store in memory: what a worker would find after a crash, and failures on demand."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from resonanz_streams.events import KpiSnapshot, Status
from resonanz_streams.measures import MakeMeasures, Measures
from resonanz_streams.pipeline import Pipeline
from resonanz_streams.registry import Registry
from resonanz_streams.settings import settings_of
from resonanz_streams.topics import KPIS
from resonanz_streams.transports.ports import Flush, Outgoing, Recovered
from tests.engines import KEY, NOW_MS, run_of, without_posts


@dataclass
class MemoryStore:
    """Implements ports.StateStore. ``failing``: what the next flush of a partition raises, once."""

    rows: dict[int, dict[bytes, bytes]] = field(default_factory=lambda: defaultdict(dict))
    offsets: dict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    records: list[Outgoing] = field(default_factory=list)
    flushes: list[tuple[int, Flush]] = field(default_factory=list)
    failing: dict[int, Exception] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    async def recover(self, partition: int) -> Recovered:
        self.calls.append(f"recover {partition}")
        if partition in self.failing:
            raise self.failing.pop(partition)
        return Recovered(dict(self.rows[partition]), dict(self.offsets[partition]))

    async def flush(self, partition: int, flush: Flush) -> None:
        self.calls.append(f"flush {partition}")
        if partition in self.failing:
            raise self.failing.pop(partition)
        self.flushes.append((partition, flush))
        for key, row in flush.rows.items():
            if row is None:
                del self.rows[partition][key]
            else:
                self.rows[partition][key] = row
        self.offsets[partition].update(flush.offsets)
        self.records.extend(flush.records)

    async def release(self, partition: int) -> None:
        self.calls.append(f"release {partition}")

    async def close(self) -> None:
        self.calls.append("close")

    def told(self, account: str, topic: str = KPIS) -> list[KpiSnapshot]:
        """The snapshots of an account that were written, in order."""
        values = [r.value for r in self.records if r.topic == topic and r.key == account.encode()]
        return [msgspec.json.decode(value, type=KpiSnapshot) for value in values if value is not None]


class Played:
    """A pipeline on a store in memory, with a clock that is set and accounts wherever they belong."""

    def __init__(
        self,
        *accounts: str,
        partitions: int = 4,
        clock_ms: int = NOW_MS,
        measures: MakeMeasures = Measures,
        **settings: Any,
    ) -> None:
        self.clock_ms = clock_ms
        self.store = MemoryStore()
        clients = {"fleet": {"name": "Fleet", "potential": 1000, "accounts": list(accounts)}}
        self.settings = settings_of({"partitions": partitions, "clients": clients, **settings})
        self.registry = Registry(self.settings, KEY.encode())
        self.pipeline = Pipeline(self.settings, self.registry, self.store, lambda: self.clock_ms, measures)

    async def own(self, *partitions: int) -> Mapping[tuple[str, int], int]:
        """Be assigned these, or all."""
        return await self.pipeline.assigned(frozenset(partitions or range(self.registry.partitions)))

    async def read(
        self, *events: dict[str, Any] | bytes, topic: str = "likes", partition: int | None = None
    ) -> None:
        """Each event a record of its account's partition."""
        for one in events:
            where = partition
            if where is None:
                assert isinstance(one, dict)
                where = self.registry.accounts[one["account"]].partition
            start = self.pipeline.positions().get((topic, where), 0)
            run = run_of(one, topic=topic, start=start)
            await self.pipeline.apply(replace(run, partition=where))

    async def tick(self, by_ms: int = 0, *, budget_seconds: float = 10.0) -> None:
        """Let time pass and turn the cycle."""
        self.clock_ms += by_ms
        await self.pipeline.cycle(budget_seconds)

    async def change(self, *accounts: str, **client: Any) -> None:
        """Write other accounts into the configuration, or more about the client, and let it take effect."""
        fleet = {"name": "Fleet", "potential": 1000, "accounts": list(accounts), **client}
        data = {"partitions": self.settings.partitions, "clock": self.settings.clock}
        self.settings = settings_of({**data, "clients": {"fleet": fleet}})
        self.registry = self.registry.by(self.settings)
        self.pipeline.adopt(self.settings, self.registry)
        await self.tick()
        assert self.pipeline.renewal.done.is_set()

    def counts(self, account: str, window: str = "28d") -> list[int]:
        """Net likes, comments, shares, and what was removed."""
        engine = self.pipeline.engines[self.registry.accounts[account].partition]
        inputs = engine.inputs()
        assert inputs is not None
        row = [known.id for known in engine.accounts].index(account)
        return without_posts(inputs.counts[window][row])


def heartbeat(account: str = "file:a", **changes: Any) -> Status:
    """Of a connector that is complete up to now and has been for ever."""
    fields: dict[str, Any] = {
        "connector": "file", "at_ms": NOW_MS, "state": "ok", "since_ms": 0, "complete_through_ms": NOW_MS
    }  # fmt: skip
    return Status(account=account, **(fields | changes))
