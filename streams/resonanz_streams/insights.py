"""What platforms tell of single posts: reach and impressions, each the post's total so far."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from resonanz_streams.errors import RECOUNT, StopError
from resonanz_streams.events import Audience
from resonanz_streams.identity import hashes
from resonanz_streams.kpis.base import WINDOWS
from resonanz_streams.net.pairs import find, pairs
from resonanz_streams.net.table import Known
from resonanz_streams.net_states import NEVER
from resonanz_streams.unreadable import UNREADABLE
from resonanz_streams.windows import old_edge_ms

FIGURES: Final = ("reach", "impressions")
UNKNOWN: Final = -1
"""A figure that a snapshot does not tell: platforms suppress small ones."""

MAX_SNAPSHOTS: Final = 10_000
"""Of one account and figure: a post has one that holds. More would not fit into the row that stores them."""

_SWEEP_MS: Final = 3_600_000
Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]


def told_of_post(record: Audience) -> tuple[int, int, int]:
    """A post's hashed name, its reach and impressions; 0 and UNKNOWN where the record is of no post."""
    if record.object is None:
        return 0, UNKNOWN, UNKNOWN
    reach, impressions = (UNKNOWN if told is None else told for told in (record.reach, record.impressions))
    return int(hashes([record.object])[0]), reach, impressions


class InsightBook:
    """Snapshots of reach and impressions of accounts' posts. Their order and repetition change nothing.

    Of a post and figure those are kept that still matter: the newest that is not later than now, and those
    after it. What is older than the longest window says nothing of a post in it.
    """

    def __init__(self) -> None:
        self._tables: dict[int, tuple[_Table, _Table]] = {}
        self._now_ms = self._swept_ms = NEVER

    def add(self, row: int, post: int, at_ms: int, figures: Sequence[int]) -> bool:
        """Take one snapshot of a post's (hashed) name; True if it says something new.

        ``figures``: as ``FIGURES`` lists them. Of two at the same time the larger stays.
        """
        if at_ms <= self._floor_ms() or max(figures) == UNKNOWN:
            return False
        tables = self._tables.setdefault(row, (_Table(), _Table()))
        news = [
            table.add(post, at_ms, figure, self._now_ms)
            for table, figure in zip(tables, figures, strict=True)
            if figure != UNKNOWN
        ]
        return any(news)

    def _floor_ms(self) -> int:
        return NEVER if self._now_ms == NEVER else old_edge_ms(WINDOWS[-1], self._now_ms)

    def forget(self, now_ms: int) -> None:
        """Let go what says nothing of any window that ends at ``now_ms`` or later."""
        self._now_ms = max(self._now_ms, now_ms)
        if self._now_ms - self._swept_ms < _SWEEP_MS:
            return
        self._swept_ms, floor_ms = self._now_ms, self._floor_ms()
        for row, tables in list(self._tables.items()):
            for table in tables:
                table.forget(floor_ms)
            if not any(len(table.posts) for table in tables):
                del self._tables[row]

    def at(self, now_ms: int) -> Known:
        """What is known at a time not before the last :meth:`forget`, as of this call; in any thread."""
        figures = [_joined(self._tables, figure) for figure in range(len(FIGURES))]
        start_ms = old_edge_ms(WINDOWS[-1], now_ms)

        def known(rows: Ints, posts: Keys) -> tuple[Floats, Floats]:
            reach, impressions = (_newest(columns, start_ms, now_ms, rows, posts) for columns in figures)
            return reach, impressions

        return known

    def cut(self, row: int) -> bool:
        """Whether there was no room for snapshots of this account that may still matter."""
        return any(table.cut_ms > self._floor_ms() for table in self._tables.get(row, ()))

    def pack(self, row: int) -> bytes:
        """The snapshots of an account as they are stored."""
        return _encoder.encode([table.packed() for table in self._tables.get(row, ())])

    def unpack(self, row: int, data: bytes, name: str) -> None:
        """The reverse of :meth:`pack`. ``name``: the account's.

        Raises:
            StopError: it is no such row.
        """
        try:
            tables = [_unpacked(packed) for packed in _decoder.decode(data)]
            if tables:
                reach, impressions = tables
                self._tables[row] = reach, impressions
        except (*UNREADABLE, ValueError) as error:
            raise StopError(f"the reach of posts of {name} cannot be read ({error}); {RECOUNT}") from None


class _Packed(msgspec.Struct, array_like=True):
    """A table as it is stored."""

    cut_ms: int
    posts: bytes
    times: bytes
    values: bytes


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(list[_Packed])


@dataclass(slots=True)
class _Table:
    """One figure of an account's posts: sorted by post, then time. Flat arrays: 24 bytes a snapshot.

    ``cut_ms``: there was no room for some that are not later than this.
    """

    posts: "array[int]" = field(default_factory=lambda: array("Q"))
    times: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[int]" = field(default_factory=lambda: array("q"))
    cut_ms: int = NEVER

    def add(self, post: int, at_ms: int, value: int, now_ms: int) -> bool:
        """Whether it says something new."""
        first = bisect_left(self.posts, post)
        end = bisect_right(self.posts, post, first)
        place = bisect_left(self.times, at_ms, first, end)
        if place < end and self.times[place] == at_ms:
            if self.values[place] >= value:
                return False
            self.values[place] = value
            return True
        replaced = place < end and self.times[place] <= now_ms
        if replaced or at_ms <= self.cut_ms:
            return False
        self.posts.insert(place, post)
        self.times.insert(place, at_ms)
        self.values.insert(place, value)
        holds = bisect_right(self.times, now_ms, first, end + 1) - 1
        if holds > first:
            del self.posts[first:holds], self.times[first:holds], self.values[first:holds]
        if len(self.posts) > MAX_SNAPSHOTS:
            self._make_room()
        return True

    def _make_room(self) -> None:
        """Let the oldest tenth go, at once: one at a time would be a search each."""
        order = np.argsort(_array(self.times), kind="stable")
        oldest = order[: len(order) // 10]
        self.cut_ms = self.times[int(oldest[-1])]
        self._keep(np.setdiff1d(order, oldest))

    def forget(self, floor_ms: int) -> None:
        """Let go what is not later than this."""
        times = _array(self.times)
        if len(times) and int(times.min()) <= floor_ms:
            self._keep(np.flatnonzero(times > floor_ms))

    def _keep(self, places: NDArray[np.intp]) -> None:
        self.posts = array("Q", np.frombuffer(self.posts.tobytes(), np.uint64)[places].tobytes())
        self.times = array("q", _array(self.times)[places].tobytes())
        self.values = array("q", _array(self.values)[places].tobytes())

    def packed(self) -> _Packed:
        """As it is stored."""
        parts = (np.frombuffer(part.tobytes(), np.uint64) for part in (self.posts, self.times, self.values))
        return _Packed(self.cut_ms, *(part.astype("<u8").tobytes() for part in parts))


def _unpacked(packed: _Packed) -> _Table:
    parts = [
        np.frombuffer(part, "<u8").astype(np.uint64) for part in (packed.posts, packed.times, packed.values)
    ]
    if len({len(part) for part in parts}) != 1:
        raise ValueError("parts of different lengths")
    posts, times, values = (part.tobytes() for part in parts)
    return _Table(array("Q", posts), array("q", times), array("q", values), packed.cut_ms)


def _array(part: "array[int]") -> Ints:
    """Copied: an array that lends its memory could not grow."""
    return np.frombuffer(part.tobytes(), dtype=np.int64)


_Columns = tuple[Ints, Keys, Ints, Ints]
"""Account rows, posts, times, values; of each account and post together, ascending by time."""


def _joined(tables: "dict[int, tuple[_Table, _Table]]", figure: int) -> _Columns:
    chosen = {row: both[figure] for row, both in tables.items()}
    sizes = [len(table.posts) for table in chosen.values()]
    return (
        np.repeat(np.array(list(chosen), dtype=np.int64), sizes),
        np.frombuffer(b"".join(table.posts.tobytes() for table in chosen.values()), np.uint64),
        np.frombuffer(b"".join(table.times.tobytes() for table in chosen.values()), np.int64),
        np.frombuffer(b"".join(table.values.tobytes() for table in chosen.values()), np.int64),
    )


def _newest(columns: _Columns, start_ms: int, now_ms: int, rows: Ints, posts: Keys) -> Floats:
    """Of these rows and posts the newest value in (start, now]."""
    there = (columns[2] > start_ms) & (columns[2] <= now_ms)
    names, values = pairs(columns[0], columns[1])[there], columns[3][there]
    last = np.ones(len(names), dtype=np.bool_)
    last[:-1] = names[1:] != names[:-1]
    names, values = names[last], values[last].astype(np.float64)
    place = find(names, pairs(rows, posts))
    return np.where(place >= 0, values[place], np.nan) if len(values) else np.full(len(rows), np.nan)
