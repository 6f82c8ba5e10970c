"""Counted once: the net state of every key, whatever order, duplication or replay its records came in.

A key counts, in the bucket of its newest addition, if that is newer than its newest removal; see
:mod:`resonanz_streams.net_states`.

Keys are 64-bit hashes: among n keys the chance of any collision is about n²/2⁶⁵ (3·10⁻⁶ at ten million).
The entries stand in sorted segments that are merged geometrically, as in a log-structured merge tree.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.details import WIDTH
from resonanz_streams.net_states import NEVER, Flags, Keys, States, concatenated, grouped, merged

BARE_BYTES: Final = 32
"""Of an entry without details."""

ENTRY_BYTES: Final = BARE_BYTES + 8 * WIDTH
_INLINE_MERGE: Final = 131_072
"""Entries; larger merges go to a thread: they would hold the event loop."""

_SAMPLE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Segment:
    """Keys in ascending order, and their states."""

    keys: Keys
    states: States

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Changes:
    """The keys of a batch whose state changed: ``first`` is the index of the key's first operation."""

    keys: Keys
    first: NDArray[np.intp]
    before: States
    after: States


class Ledger:
    """The keys of one partition. ``detailed``: whether their states hold details. ``cut_ms``: before it,
    lack of memory made it forget."""

    def __init__(self, max_bytes: int, *, detailed: bool = False) -> None:
        self.detailed = detailed
        self._segments: list[Segment] = []
        self._max_entries = max(1024, max_bytes // self.entry_bytes)
        self._in_job: Segment | None = None
        self.cut_ms = NEVER
        self._floor_ms = NEVER

    @property
    def entry_bytes(self) -> int:
        """What a key takes."""
        return ENTRY_BYTES if self.detailed else BARE_BYTES

    @property
    def floor_ms(self) -> int:
        """The oldest time at which an operation still counts."""
        return max(self._floor_ms, self.cut_ms)

    def __len__(self) -> int:
        return sum(len(segment) for segment in self._segments)

    def arrays(self) -> Iterator[NDArray[Any]]:
        """All that the entries are held in."""
        for segment in self._segments:
            states = segment.states
            yield from (segment.keys, states.added, states.weight, states.removed)
            if states.details is not None:
                yield states.details

    def load(self, keys: Keys, states: States) -> None:
        """Begin with these distinct keys in ascending order."""
        self._segments = [Segment(keys, states)] if len(keys) else []

    def apply(self, keys: Keys, operations: States) -> tuple[Changes, Flags]:
        """Take a batch of operations, each as the state it would make :func:`alone`, in any order.

        Returns what changed per key, and per operation whether it was news (else it is a duplicate, or
        older than what is known).
        """
        order, starts, batch = grouped(keys, operations)
        distinct = keys[order[starts]]
        before = self._look_up(distinct)
        after = merged(before, batch)
        changed = after.differs(before)
        news = _news(order, starts, operations, before, after.differs(before, besides_details=True))
        places = np.flatnonzero(changed)
        changes = Changes(distinct[places], order[starts[places]], before.at(places), after.at(places))
        if len(places):
            self._segments.append(Segment(changes.keys, changes.after))
            self._settle()
        return changes, news

    def _look_up(self, keys: Keys) -> States:
        added = np.full(len(keys), NEVER)
        weight = np.zeros(len(keys), dtype=np.int64)
        removed = np.full(len(keys), NEVER)
        details = np.zeros((len(keys), WIDTH), dtype=np.uint64) if self.detailed else None
        missing = np.arange(len(keys))
        for segment in reversed(self._segments):
            wanted = keys[missing]
            place = np.searchsorted(segment.keys, wanted)
            place[place == len(segment)] = 0
            hit = segment.keys[place] == wanted
            if hit.any():
                found, rows = place[hit], missing[hit]
                added[rows] = segment.states.added[found]
                weight[rows] = segment.states.weight[found]
                removed[rows] = segment.states.removed[found]
                if details is not None and segment.states.details is not None:
                    details[rows] = segment.states.details[found]
                missing = missing[~hit]
        return States(added, weight, removed, details)

    def _settle(self) -> None:
        """Keep sizes falling by a factor of two, with the merges that are short enough to do at once."""
        while len(self._segments) > 1:
            older, newer = self._segments[-2:]
            if len(older) > 2 * len(newer) or len(older) + len(newer) > _INLINE_MERGE:
                return
            if older is self._in_job:
                return
            self._segments[-2:] = _kept(_join((older, newer), self.floor_ms))

    def snapshot(self) -> Callable[[], tuple[Keys, States]]:
        """A function that gives what the ledger holds now, keys ascending, in any thread.

        Segments do not change. Some entries may be older than the horizon.
        """
        parts, floor_ms = tuple(self._segments), self.floor_ms

        def joined() -> tuple[Keys, States]:
            if not parts:
                nothing = np.zeros(0, dtype=np.int64)
                details = np.zeros((0, WIDTH), dtype=np.uint64)
                return nothing.astype(np.uint64), States(nothing, nothing, nothing, details)
            whole = _join(parts, floor_ms)
            return whole.keys, whole.states

        return joined

    def merge_job(self) -> Callable[[], Callable[[], None]] | None:
        """A long merge that is due, or None; None too while one is under way.

        It takes in all that has piled up since the last one, however much: look-ups search every segment.
        Call the job in a thread, then the function it returns in the ledger's own thread; the ledger may
        be used meanwhile. Needs up to three times the memory of what it merges.
        """
        if self._in_job is not None:
            return None
        if len(self) > self._max_entries:
            return self._job(tuple(self._segments))
        due, newer = None, 0
        for place in range(len(self._segments) - 1, 0, -1):
            newer += len(self._segments[place])
            older = len(self._segments[place - 1])
            if older <= 2 * newer and older + newer > _INLINE_MERGE:
                due = place - 1
        return None if due is None else self._job(tuple(self._segments[due:]))

    def _job(self, parts: tuple[Segment, ...]) -> Callable[[], Callable[[], None]]:
        self._in_job = parts[-1]
        floor_ms = self.floor_ms

        def work() -> Callable[[], None]:
            segment = _join(parts, floor_ms)

            def install() -> None:
                self._in_job = None
                place = next(i for i, known in enumerate(self._segments) if known is parts[0])
                self._segments[place : place + len(parts)] = _kept(segment)

            return install

        return work

    def forget(self, floor_ms: int) -> None:
        """Operations before ``floor_ms`` no longer count; if memory is short, later ones neither.

        What is forgotten leaves with the next merge of its segment.
        """
        self._floor_ms = max(self._floor_ms, floor_ms)
        if len(self) <= self._max_entries:
            return
        self.cut_ms = max(self.floor_ms, self._newest_of_surplus() + 1)
        if self._in_job is None and len(self) <= _INLINE_MERGE:
            self._segments = _kept(_join(tuple(self._segments), self.floor_ms))

    def _newest_of_surplus(self) -> int:
        """The time up to which entries must go to leave nine tenths of what is allowed.

        From a sample, since a look at all of them would hold the event loop: keys are hashes, so every
        n-th of them is as good as a random choice.
        """
        step = 1 + len(self) // _SAMPLE
        newest = np.concatenate([part.states.newest[::step] for part in self._segments])
        place = int(len(newest) * (1 - 0.9 * self._max_entries / len(self)))
        return int(np.partition(newest, place)[place])


def _kept(segment: Segment) -> list[Segment]:
    return [segment] if len(segment) else []


def _newer_than(segment: Segment, floor_ms: int) -> Segment:
    states = segment.states
    kept = np.flatnonzero(states.newest >= floor_ms)
    return segment if len(kept) == len(segment) else Segment(segment.keys[kept], states.at(kept))


def _join(parts: Sequence[Segment], floor_ms: int) -> Segment:
    """All segments in one; a key that several hold has its whole state in the newest, the last of them."""
    keys = np.concatenate([part.keys for part in parts])
    # Ascending runs: the stable sort merges them in linear time, of equal keys the newest comes last.
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    last = np.concatenate((keys[1:] != keys[:-1], [True]))
    order = order[last]
    states = concatenated([part.states for part in parts]).at(order)
    return _newer_than(Segment(keys[last], states), floor_ms)


def _news(
    order: NDArray[np.intp], starts: NDArray[np.intp], operations: States, before: States, changed: Flags
) -> Flags:
    """Per operation, in the order given, whether it moved its key's state when it came."""
    news = np.zeros(len(order), dtype=np.bool_)
    sizes = np.diff(np.append(starts, len(order)))
    news[order[starts[(sizes == 1) & changed]]] = True
    several = (sizes > 1) & changed
    groups = np.flatnonzero(several)
    places = order[np.repeat(several, sizes)]
    known = before.at(groups)
    states = zip(known.added.tolist(), known.weight.tolist(), known.removed.tolist(), strict=True)
    own = operations.at(places)
    members = zip(places.tolist(), own.added.tolist(), own.weight.tolist(), own.removed.tolist(), strict=True)
    moved = []
    for state, size in zip(states, sizes[groups].tolist(), strict=True):
        added, weight, removed = state
        for place, at, by, gone in islice(members, size):
            if gone > removed:
                removed = gone
            elif at != NEVER and (at, by) > (added, weight):
                added, weight = at, by
            else:
                continue
            moved.append(place)
    news[moved] = True
    return news
