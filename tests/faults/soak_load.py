"""Interactions that go on for as long as one likes, and what they come to.

Each slot of 200 ms is drawn from its own seed, so that the last minutes of an hour can be drawn again and
counted without the hour. Activity moves over the accounts: at any time a few of them have all of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.topics import partition_of

SLOT_MS: Final = 200
PARTITIONS: Final = 4
KINDS: Final = ("like", "comment", "share")
_SHARES: Final = (0.70, 0.20, 0.10)
_LATER_MS: Final = 20 * 60_000
_OPS: Final = ("", '"op":"remove",')
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Operations:
    """``number``: the key's; equal numbers are the same interaction, added, repeated or taken back."""

    number: Ints
    account: Ints
    kind: Ints
    removal: NDArray[np.bool_]
    at_ms: Ints

    def __len__(self) -> int:
        return len(self.number)


def line_of(account: str, number: int, kind: int, *, removal: bool, at_ms: int) -> bytes:
    """The event of one operation; the number makes its id, actor and object."""
    return (
        f'{{"v":1,"id":"{number}","source":"file","kind":"{KINDS[kind]}",{_OPS[removal]}'
        f'"account":"{account}","actor":"{number * 0x9E3779B97F4A7C15 % 2**128:032x}",'
        f'"object":"{number % 50:03d}","at_ms":{at_ms}}}'
    ).encode()


@dataclass(frozen=True)
class SoakLoad:
    """``per_slot`` operations each 200 ms: of a hundred 92 are new, 5 take one back that is younger than
    half of the horizon, 1 adds it again, 1 is a repetition and 1 comes far too late.

    All accounts have had their turn after ``turn_slots``.
    """

    seed: int
    accounts: int
    active: int
    per_slot: int
    horizon_ms: int
    turn_slots: int

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of all accounts."""
        return tuple(f"file:s{number}" for number in range(self.accounts))

    @cached_property
    def partitions(self) -> tuple[int, ...]:
        """Of each account."""
        return tuple(partition_of(name, PARTITIONS) for name in self.names)

    @property
    def reach_slots(self) -> int:
        """A removal comes less than so many slots after what it takes back."""
        return self.horizon_ms // 2 // SLOT_MS

    @property
    def _fresh_count(self) -> int:
        return self.per_slot * 92 // 100

    def fresh(self, slot: int) -> Operations:
        """What is new in this slot."""
        rng = np.random.default_rng([self.seed, slot])
        count = self._fresh_count
        return Operations(
            slot * self.per_slot + np.arange(count),
            (slot * self.accounts // self.turn_slots + rng.integers(self.active, size=count)) % self.accounts,
            rng.choice(len(KINDS), count, p=_SHARES),
            np.zeros(count, dtype=np.bool_),
            slot * SLOT_MS + rng.integers(SLOT_MS, size=count),
        )

    def operations(self, slot: int) -> Operations:
        """All of a slot, in the order of delivery."""
        rng = np.random.default_rng([self.seed, slot, 1])
        hundredth = self.per_slot // 100
        earlier = self.fresh(slot - int(rng.integers(1, self.reach_slots)))
        undone, again = np.split(rng.permutation(len(earlier))[: 6 * hundredth], [5 * hundredth])
        before = self.fresh(slot - 1)
        fresh = self.fresh(slot)
        # Of the same slot some are late: numbers that nothing else has.
        late = np.arange(hundredth)
        whole = [
            fresh,
            self._moved(earlier, undone, slot, removal=True),
            self._moved(earlier, again, slot, removal=False),
            self._chosen(before, rng.permutation(len(before))[:hundredth]),
            Operations(
                fresh.number[-1] + 1 + late,
                fresh.account[late],
                fresh.kind[late],
                fresh.removal[late],
                fresh.at_ms[late] - self.horizon_ms - _LATER_MS,
            ),
        ]
        columns = [[getattr(part, field.name) for part in whole] for field in fields(Operations)]
        together = Operations(*map(np.concatenate, columns))
        return self._chosen(together, rng.permutation(len(together)))

    def _moved(self, source: Operations, places: Ints, slot: int, *, removal: bool) -> Operations:
        chosen = self._chosen(source, places)
        at_ms = np.full(len(places), (slot + 1) * SLOT_MS - 1)
        return Operations(chosen.number, chosen.account, chosen.kind, np.full(len(places), removal), at_ms)

    def _chosen(self, source: Operations, places: Ints) -> Operations:
        return Operations(*(getattr(source, field.name)[places] for field in fields(Operations)))

    def records(self, slot: int) -> Iterator[tuple[str, int, bytes]]:
        """Topic, partition and lines of each record of a slot."""
        found = self.operations(slot)
        packs: dict[tuple[int, int], list[bytes]] = {}
        columns = (getattr(found, field.name).tolist() for field in fields(Operations))
        for number, account, kind, removal, at_ms in zip(*columns, strict=True):
            line = line_of(self.names[account], number, kind, removal=removal, at_ms=at_ms)
            packs.setdefault((kind, self.partitions[account]), []).append(line)
        for (kind, partition), lines in packs.items():
            yield f"{KINDS[kind]}s", partition, b"\n".join(lines)

    def standing(self, first_slot: int, last_slot: int) -> "Standing":
        """What counts of the operations of these slots, those that came too late left out."""
        base = (first_slot - self.reach_slots) * self.per_slot
        size = (last_slot + 1) * self.per_slot - base
        times = np.full((2, size), -1)
        account, kind = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
        for slot in range(first_slot, last_slot + 1):
            found = self.operations(slot)
            timely = np.flatnonzero(found.number % self.per_slot < self._fresh_count)
            found = self._chosen(found, timely)
            place = found.number - base
            np.maximum.at(times, (found.removal.astype(np.int64), place), found.at_ms)
            account[place], kind[place] = found.account, found.kind
        return Standing.of(times, account, kind, self.accounts)


@dataclass(frozen=True)
class Standing:
    """Interactions that count, by account: those of account i are starts[i] to starts[i + 1]."""

    kind: Ints
    at_ms: Ints
    starts: Ints

    @classmethod
    def of(cls, times: Ints, account: Ints, kind: Ints, accounts: int) -> Self:
        """``times``: of each key's newest addition, and of its newest removal."""
        counted = np.flatnonzero(times[0] > times[1])
        counted = counted[np.argsort(account[counted], kind="stable")]
        starts = np.searchsorted(account[counted], np.arange(accounts + 1))
        return cls(kind[counted], times[0][counted], starts)

    def counts(self, account: int, after_ms: int, until_ms: int) -> dict[str, float]:
        """By kind, of (after, until]."""
        own = slice(*self.starts[account : account + 2].tolist())
        inside = (self.at_ms[own] > after_ms) & (self.at_ms[own] <= until_ms)
        numbers = np.bincount(self.kind[own][inside], minlength=len(KINDS)).tolist()
        return dict(zip(KINDS, map(float, numbers), strict=True))
