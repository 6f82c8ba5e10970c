"""The bench's events: seeded, in the order of their times, ending now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.topics import partition_of

PARTITIONS: Final = 4
REMOVALS: Final = 0.05
SENTINEL_MS: Final = 30_000
_KINDS: Final = ("like", "comment", "share")
_SHARES: Final = (0.70, 0.20, 0.10)
_REACH: Final = 20_000
"""A removal takes back one of the last so many events."""

Place = tuple[str, int]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Load:
    """JSON lines in order of time; ``accounts[i]`` and ``topics[i]`` say where line i belongs."""

    names: tuple[str, ...]
    lines: Sequence[bytes]
    accounts: Sequence[int]
    topics: Sequence[str]
    start_ms: int
    end_ms: int

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def line_bytes(self) -> float:
        """Mean length of a line."""
        return sum(map(len, self.lines)) / len(self)

    def places(self) -> Iterator[tuple[Place, bytes, bytes, int]]:
        """(topic and partition, key, line, epoch ms) of each event."""
        keys = [name.encode() for name in self.names]
        partitions = [partition_of(name, PARTITIONS) for name in self.names]
        times = _times(self.start_ms, self.end_ms, len(self))
        for line, account, topic, at_ms in zip(
            self.lines, self.accounts, self.topics, times.tolist(), strict=True
        ):
            yield (topic, partitions[account]), keys[account], line, at_ms

    def sentinels(self) -> Iterator[tuple[Place, bytes, bytes, int]]:
        """One more event for each partition of each topic, SENTINEL_MS later: it closes the last windows of
        those that wait for what comes next."""
        owners = {partition_of(name, PARTITIONS): name for name in reversed(self.names)}
        at_ms = self.end_ms + SENTINEL_MS
        for kind in _KINDS:
            for partition, name in owners.items():
                line = (
                    f'{{"v":1,"id":"end-{partition}","source":"file","kind":"{kind}","account":"{name}",'
                    f'"at_ms":{at_ms}}}'
                )
                yield (f"{kind}s", partition), name.encode(), line.encode(), at_ms

    def first(self, events: int) -> "Load":
        """Its first events."""
        times = _times(self.start_ms, self.end_ms, len(self))
        return Load(
            self.names,
            self.lines[:events],
            self.accounts[:events],
            self.topics[:events],
            self.start_ms,
            int(times[events - 1]),
        )


def account_names(accounts: int) -> tuple[str, ...]:
    """The accounts of every load of this size."""
    return tuple(f"file:a{number:05d}" for number in range(accounts))


def make_load(
    events: int, *, accounts: int, end_ms: int, span_ms: int, seed: int = 1, first_id: int = 0
) -> Load:
    """``events`` of ``accounts`` accounts (Zipf 0.8) over ``span_ms`` until ``end_ms``; REMOVALS of them
    take an earlier one back. Loads that go to the same topics need ids of their own: from ``first_id``."""
    rng = np.random.default_rng(seed)
    names = account_names(accounts)
    weights = 1 / np.arange(1, accounts + 1) ** 0.8
    columns = {
        "account": rng.choice(accounts, events, p=weights / weights.sum()),
        "kind": rng.choice(len(_KINDS), events, p=_SHARES),
        "actor": rng.integers(0, 2**63, events),
        "object": rng.integers(0, 50, events),
        "number": np.arange(first_id, first_id + events, dtype=np.int64),
    }
    removals = np.flatnonzero(rng.random(events) < REMOVALS)
    originals = removals - rng.integers(1, _REACH, len(removals))
    # A removal of a removal would be an event that changes nothing.
    usable = (originals >= 0) & ~np.isin(originals, removals)
    removals, originals = removals[usable], originals[usable]
    for column in columns.values():
        column[removals] = column[originals]
    removed = np.zeros(events, dtype=np.bool_)
    removed[removals] = True
    at_ms = _times(end_ms - span_ms, end_ms, events)
    return Load(
        names,
        list(_lines(names, columns, removed, at_ms)),
        columns["account"].tolist(),
        [f"{_KINDS[kind]}s" for kind in columns["kind"].tolist()],
        end_ms - span_ms,
        end_ms,
    )


def _times(start_ms: int, end_ms: int, events: int) -> Ints:
    return np.linspace(start_ms, end_ms, events).astype(np.int64)


def _lines(
    names: Sequence[str], columns: Mapping[str, Ints], removed: NDArray[np.bool_], at_ms: Ints
) -> Iterator[bytes]:
    ops = ("", '"op":"remove",')
    rows: Any = zip(
        columns["number"].tolist(),
        columns["kind"].tolist(),
        columns["account"].tolist(),
        columns["actor"].tolist(),
        columns["object"].tolist(),
        removed.tolist(),
        at_ms.tolist(),
        strict=True,
    )
    for number, kind, account, actor, post, gone, at in rows:
        yield (
            f'{{"v":1,"id":"{number:08d}","source":"file","kind":"{_KINDS[kind]}",{ops[gone]}'
            f'"account":"{names[account]}","actor":"{actor * 0x9E3779B97F4A7C15 % 2**128:032x}",'
            f'"object":"{post:03d}","at_ms":{at},"seen_ms":{at}}}'
        ).encode()


def settings_data(load_accounts: int, broker: str, **more: Any) -> dict[str, Any]:
    """A configuration as resonanz.yaml would hold it: ten clients with a potential share the accounts."""
    names = account_names(load_accounts)
    clients = {
        f"client-{number}": {
            "name": f"Client {number}",
            "potential": 50_000 + number,
            "accounts": list(names[number::10]),
        }
        for number in range(10)
    }
    return {
        "broker": broker,
        "partitions": PARTITIONS,
        "pseudonym_key": "${KEY}",
        "clients": clients,
        **more,
    }
