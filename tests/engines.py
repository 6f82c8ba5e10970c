"""Engines for tests: one partition, accounts by name, events with nothing to say but what matters."""

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.engine import PartitionEngine
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import POST, Kpi
from resonanz_streams.measures import MakeMeasures, Measures
from resonanz_streams.registry import Registry, build_registry
from resonanz_streams.settings import settings_of
from resonanz_streams.topics import DAY_MS
from resonanz_streams.transports.ports import Flush, Recovered, Run

NOW_MS: Final = 1_700_000_000_000
KEY: Final = "0123456789abcdef0123456789abcdef"


def without_posts(counts: NDArray[np.int64]) -> list[int]:
    """Net likes, comments, shares, and what was removed."""
    found: list[int] = np.delete(counts, POST).tolist()
    return found


def registry_of(*accounts: str, partitions: int = 1, **client: Any) -> Registry:
    """One client with a potential of 1,000 that has all ``accounts``."""
    fleet = {"name": "Fleet", "potential": 1000, "accounts": list(accounts), **client}
    settings = settings_of(
        {"pseudonym_key": "${KEY}", "partitions": partitions, "clients": {"fleet": fleet}},
        environment={"KEY": KEY},
    )
    return build_registry(settings)


def engine_of(
    *accounts: str,
    horizon_ms: int = 29 * DAY_MS,
    ledger_max_bytes: int = 2**30,
    registry: Registry | None = None,
    partition: int = 0,
    kpis: Sequence[Kpi] = KPIS,
    measures: MakeMeasures = Measures,
) -> PartitionEngine:
    """An engine that owns all ``accounts`` and was not restored yet."""
    return PartitionEngine(
        registry or registry_of(*accounts),
        partition,
        horizon_ms=horizon_ms,
        ledger_max_bytes=ledger_max_bytes,
        kpis=kpis,
        measures=measures,
    )


class Driven:
    """An engine with the store that it would have, driven by hand. ``now_ms`` None: event time."""

    def __init__(self, *accounts: str, now_ms: int | None = NOW_MS, **engine: Any) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.offsets: dict[str, int] = {}
        self.flushes: list[Flush] = []
        self._accounts = accounts or ("file:a",)
        self._options = engine
        self.restart(now_ms)

    def restart(self, now_ms: int | None = NOW_MS, *accounts: str, **options: Any) -> None:
        """A new engine from what was flushed, perhaps with other accounts."""
        self._accounts = accounts or self._accounts
        self.engine = engine_of(*self._accounts, **(self._options | options))
        self.engine.restore(Recovered(self.rows, self.offsets), now_ms)
        # Event time: this bound of the future is no matter.
        self.clock_ms = NOW_MS + 10_000 * DAY_MS if now_ms is None else now_ms

    def read(self, *events: dict[str, Any] | bytes, topic: str = "likes") -> None:
        """Each event a record, at the offset where the topic stands."""
        start = self.engine.offsets.get(topic, 0)
        self.engine.apply(run_of(*events, topic=topic, start=start), self.clock_ms)

    def advance(self, now_ms: int) -> None:
        """Let time pass."""
        self.clock_ms = max(self.clock_ms, now_ms)
        self.engine.advance(now_ms)

    def flush(self) -> Flush | None:
        """Store what is new."""
        flush = self.engine.take_flush()
        if flush is not None:
            self.flushes.append(flush)
            for key, row in flush.rows.items():
                if row is None:
                    del self.rows[key]
                else:
                    self.rows[key] = row
            self.offsets = dict(flush.offsets)
        return flush

    def counts(self, window: str = "28d", row: int = 0) -> list[int]:
        """Net likes, comments, shares, and what was removed."""
        inputs = self.engine.inputs()
        assert inputs is not None
        return without_posts(inputs.counts[window][row])

    def outcomes(self) -> dict[str, int]:
        """How many events had each outcome."""
        found: dict[str, int] = {}
        for (_, _, outcome), count in self.engine.tally.outcomes.items():
            found[outcome] = found.get(outcome, 0) + count
        return found

    def records(self, topic: str) -> list[bytes]:
        """What was flushed to a topic so far."""
        return [r.value or b"" for flush in self.flushes for r in flush.records if r.topic == topic]


def event(**changes: Any) -> dict[str, Any]:
    """A like of a minute ago, changed as said; None leaves a field out."""
    kind = {"likes": "like", "comments": "comment", "shares": "share"}.get(changes.pop("topic", ""), "like")
    whole = {
        "v": 1,
        "id": "1",
        "source": "file",
        "kind": kind,
        "account": "file:a",
        "at_ms": NOW_MS - 60_000,
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def line(record: dict[str, Any]) -> bytes:
    """As a producer of others would write it."""
    return json.dumps(record).encode()


def run_of(*events: dict[str, Any] | bytes, topic: str = "likes", start: int = 0) -> Run:
    """One record for each of these."""
    values = [one if isinstance(one, bytes) else line(one) for one in events]
    end = start + len(values)
    return Run(topic, 0, start, end, values, range(start, end))
