"""A state store in memory: what a worker would find after a crash, and failures on demand."""

from collections import defaultdict
from dataclasses import dataclass, field

import msgspec

from resonanz_streams.events import KpiSnapshot
from resonanz_streams.topics import KPIS
from resonanz_streams.transports.ports import Flush, Outgoing, Recovered


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

    def told(self, account: str) -> list[KpiSnapshot]:
        """The snapshots of an account that were written, in order."""
        values = [r.value for r in self.records if r.topic == KPIS and r.key == account.encode()]
        return [msgspec.json.decode(value, type=KpiSnapshot) for value in values if value is not None]
