"""The rules of counting once more, with dictionaries and nothing else: slow and plain.

It imports nothing of ours, so that an error there cannot hide here.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
DAY = 86_400_000
# Window: (length, resolution of its old edge).
WINDOWS = {
    "1m": (60_000, 10_000),
    "5m": (300_000, 10_000),
    "15m": (900_000, 10_000),
    "1h": (3_600_000, 10_000),
    "24h": (DAY, 300_000),
    "7d": (7 * DAY, 3_600_000),
    "28d": (28 * DAY, 3_600_000),
}
KINDS = ("like", "comment", "share")
LONG_AGO = -(10**18)


def key_of(event: Event) -> tuple[str, ...]:
    if event["kind"] == "like" and "actor" in event and "object" in event:
        return ("by actor", event["account"], event["source"], event["actor"], event["object"])
    return ("by id", event["account"], event["kind"], event["source"], event["id"])


def weight_of(event: Event) -> int:
    return 0 if event.get("own") else int(event.get("count", 1))


@dataclass
class Memory:
    """What a partition knows: all that survives a crash when it was flushed before."""

    accepted: list[Event] = field(default_factory=list)
    late: list[Event] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    now: int | None = None

    def copy(self) -> "Memory":
        return Memory(list(self.accepted), list(self.late), dict(self.marks), dict(self.positions), self.now)


class Model:
    """One partition. ``through``: what its only connector says is complete."""

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon
        self.memory = Memory()
        self.durable = Memory()
        self.through: int | None = None

    def read(self, kind: str, events: list[Event], position: int) -> None:
        """Read a run. What is older than every window, or than the horizon before the watermark, or before
        now where that is behind the watermark, is late."""
        if events:
            newest = max(event["at_ms"] for event in events)
            self.memory.marks[kind] = max(newest, self.memory.marks.get(kind, newest))
        self.memory.positions[kind] = position
        floor = LONG_AGO
        through = LONG_AGO if self.through is None else self.through
        mark = min(max(self.memory.marks.get(kind, LONG_AGO), through) for kind in KINDS)
        if self.memory.now is not None:
            floor = old_edge(self.memory.now, *WINDOWS["28d"]) + 1
            if mark > LONG_AGO:
                floor = max(floor, min(mark, self.memory.now) - self.horizon)
        for event in events:
            (self.memory.late if event["at_ms"] < floor else self.memory.accepted).append(event)

    def advance(self, now: int) -> None:
        if self.memory.now is None or now > self.memory.now:
            self.memory.now = now

    def flush(self) -> None:
        self.durable = self.memory.copy()

    def crash(self) -> None:
        self.memory = self.durable.copy()

    def counts(self, account: str, window: str) -> list[int]:
        """Net likes, comments, shares and undone additions in the window at now."""
        length, resolution = WINDOWS[window]
        assert self.memory.now is not None
        start = old_edge(self.memory.now, length, resolution)
        found = [0, 0, 0, 0]
        for kind, at, weight, counts in self._net(account):
            if start < at:
                found[KINDS.index(kind) if counts else 3] += weight
        return found

    def peak(self, account: str) -> float:
        """The busiest 5 min bucket of the last 24 h, in interactions a minute."""
        length, resolution = WINDOWS["24h"]
        assert self.memory.now is not None
        start = old_edge(self.memory.now, length, resolution)
        buckets: dict[int, int] = defaultdict(int)
        for _, at, weight, counts in self._net(account):
            if start < at and counts:
                buckets[-(-at // resolution)] += weight
        return max([0, *buckets.values()]) / 5

    def _net(self, account: str) -> list[tuple[str, int, int, bool]]:
        """Kind, time and weight of each key's latest addition, and whether it counts."""
        assert self.memory.now is not None
        operations: dict[tuple[str, ...], list[Event]] = defaultdict(list)
        for event in self.memory.accepted:
            if event["account"] == account and event["at_ms"] <= self.memory.now:
                operations[key_of(event)].append(event)
        net = []
        for events in operations.values():
            additions = [(e["at_ms"], weight_of(e)) for e in events if e.get("op") != "remove"]
            removals = [e["at_ms"] for e in events if e.get("op") == "remove"]
            if additions:
                at, weight = max(additions)
                net.append((events[0]["kind"], at, weight, at > max(removals, default=LONG_AGO)))
        return net


def old_edge(now: int, length: int, resolution: int) -> int:
    """Where the window begins, exclusive."""
    return (now - length) // resolution * resolution
