"""Rolling counts on event time: three rings of buckets per account, and the sums over each window.

Bucket k of a ring of resolution r covers (r·(k-1), r·k]. The window w at t holds the buckets
k > ⌊(t-w)/r⌋ and nothing after t: its new edge is t, its old edge is t-w rounded down to r.
"""

import heapq
import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.kpis.base import LIKE, POST, WINDOWS_MS

Ints = NDArray[np.int64]
COLUMNS: Final = 5


@dataclass(frozen=True, slots=True)
class RingSpec:
    """A ring's resolution and the windows that are summed from it, the longest last."""

    resolution_ms: int
    windows: tuple[str, ...]

    @property
    def span_ms(self) -> int:
        """The length of the longest window."""
        return WINDOWS_MS[self.windows[-1]]

    @property
    def size(self) -> int:
        """Buckets that a window can touch: one more than fit, since t lies within a bucket."""
        return self.span_ms // self.resolution_ms + 1


RINGS: Final = (
    RingSpec(10_000, ("1m", "5m", "15m", "1h")),
    RingSpec(300_000, ("24h",)),
    RingSpec(3_600_000, ("7d", "28d")),
)
RING_OF_WINDOW: Final = {window: ring for ring in RINGS for window in ring.windows}
ACCOUNT_BYTES: Final = COLUMNS * (4 * sum(ring.size for ring in RINGS) + 8 * len(RING_OF_WINDOW))
"""Of an account at most, until its counts pass 32 bits: its buckets and its sums."""

DELTA_BYTES: Final = 32
"""Of a change that waits for its time."""


def old_edge_ms(window: str, now_ms: int) -> int:
    """Where a window begins (exclusive), rounded down to its ring's resolution."""
    resolution = RING_OF_WINDOW[window].resolution_ms
    return (now_ms - WINDOWS_MS[window]) // resolution * resolution


@dataclass(frozen=True, slots=True)
class Deltas:
    """Changes to the counts: account row, column (kinds, POST, REMOVED), event time, signed weight."""

    rows: Ints
    columns: Ints
    at_ms: Ints
    weights: Ints

    def where(self, chosen: NDArray[np.bool_]) -> "Deltas":
        """The chosen ones."""
        return Deltas(self.rows[chosen], self.columns[chosen], self.at_ms[chosen], self.weights[chosen])


class Windows:
    """The counts of n accounts. Cells of accounts without events cost no memory: the system hands out
    zero pages lazily.

    ``sums[w]``: shape (n, 5), net likes, comments, shares, posts and interactions since removed, as of
    ``now_ms``; of ``windows`` only.
    """

    def __init__(self, accounts: int, windows: Collection[str] = tuple(RING_OF_WINDOW)) -> None:
        self._accounts = accounts
        self._rings = [
            RingSpec(ring.resolution_ms, tuple(window for window in ring.windows if window in windows))
            for ring in RINGS
            if not set(windows).isdisjoint(ring.windows)
        ]
        self._cells: list[NDArray[np.signedinteger]] = [
            np.zeros((accounts, ring.size, COLUMNS), dtype=np.int32) for ring in self._rings
        ]
        self.sums: dict[str, Ints] = {
            window: np.zeros((accounts, COLUMNS), dtype=np.int64)
            for ring in self._rings
            for window in ring.windows
        }
        self.now_ms: int | None = None
        self._waiting: list[tuple[int, int, Deltas]] = []
        self._waited = itertools.count()
        self._room = int(np.iinfo(np.int32).max)

    @property
    def waiting(self) -> int:
        """Changes that are later than now."""
        return sum(len(deltas.rows) for _, _, deltas in self._waiting)

    def arrays(self) -> Iterator[NDArray[Any]]:
        """All that the counts are held in."""
        yield from self._cells
        yield from self.sums.values()
        for _, _, deltas in self._waiting:
            yield from (deltas.rows, deltas.columns, deltas.at_ms, deltas.weights)

    def advance(self, now_ms: int) -> None:
        """Let time pass to ``now_ms``; an earlier time changes nothing."""
        before = self.now_ms
        if before is None:
            self.now_ms = now_ms
        elif now_ms > before:
            for ring, cells in zip(self._rings, self._cells, strict=True):
                self._leave(ring, cells, before, now_ms)
            self.now_ms = now_ms
        due = []
        while self._waiting and self._waiting[0][0] <= now_ms:
            due.append(heapq.heappop(self._waiting)[2])
        for deltas in due:
            self.add(deltas)

    def _wait(self, deltas: Deltas) -> None:
        """A heap by first event time: what is far ahead costs nothing as time passes."""
        heapq.heappush(self._waiting, (int(deltas.at_ms.min()), next(self._waited), deltas))

    def _leave(self, ring: RingSpec, cells: NDArray[np.signedinteger], before_ms: int, now_ms: int) -> None:
        """Take what leaves the windows out of the sums, then clear the buckets for new events."""
        resolution = ring.resolution_ms
        head, new_head = -(-before_ms // resolution), -(-now_ms // resolution)
        for window in ring.windows:
            first = (before_ms - WINDOWS_MS[window]) // resolution + 1
            last = (now_ms - WINDOWS_MS[window]) // resolution
            if last >= head:
                self.sums[window][:] = 0
            elif last >= first:
                for part in _slices(first, last, ring.size):
                    self._subtract(self.sums[window], cells[:, part])
        if new_head > head:
            for part in _slices(max(head + 1, new_head - ring.size + 1), new_head, ring.size):
                # Only what is not 0: writing would give memory to accounts that had no events.
                cells[cells[:, part].any(axis=(1, 2)), part] = 0

    def _subtract(self, sums: Ints, leaving: NDArray[np.signedinteger]) -> None:
        # Most accounts have nothing in a few buckets: looking is far cheaper than summing.
        busy = np.flatnonzero(leaving.any(axis=(1, 2)))
        if len(busy):
            sums[busy] -= leaving[busy].sum(axis=1, dtype=np.int64)

    def add(self, deltas: Deltas) -> None:
        """Apply changes to every ring that still spans them; those after now wait until it gets there.

        Before the first :meth:`advance` everything waits.
        """
        if not len(deltas.rows):
            return
        if self.now_ms is None:
            self._wait(deltas)
            return
        ahead = deltas.at_ms > self.now_ms
        if ahead.any():
            self._wait(deltas.where(ahead))
            deltas = deltas.where(~ahead)
        if len(deltas.rows):
            self._make_room(int(np.abs(deltas.weights).sum()))
            self._add(deltas, self.now_ms)

    def _add(self, deltas: Deltas, now_ms: int) -> None:
        # Longest window first: what it no longer spans is outside the shorter ones too.
        for ring, cells in zip(reversed(self._rings), reversed(self._cells), strict=True):
            for window in reversed(ring.windows):
                inside = deltas.at_ms > old_edge_ms(window, now_ms)
                if not inside.all():
                    deltas = deltas.where(inside)
                if not len(deltas.rows):
                    return
                if window == ring.windows[-1]:
                    bucket = -(-deltas.at_ms // ring.resolution_ms) % ring.size
                    place = (deltas.rows * ring.size + bucket) * COLUMNS + deltas.columns
                    np.add.at(cells.reshape(-1), place, deltas.weights.astype(cells.dtype))
                place = deltas.rows * COLUMNS + deltas.columns
                np.add.at(self.sums[window].reshape(-1), place, deltas.weights)

    def _make_room(self, weight: int) -> None:
        """Widen the cells before one could overflow 32 bits."""
        self._room -= weight
        if self._room >= 0 or self._cells[0].dtype == np.int64:
            return
        largest = max(int(np.abs(cells).max(initial=0)) for cells in self._cells)
        self._room = int(np.iinfo(np.int32).max) - largest - weight
        if self._room < 0:
            self._cells = [cells.astype(np.int64) for cells in self._cells]

    def peak_per_minute(self) -> Callable[[], NDArray[np.float64]]:
        """A function that gives the busiest 5 min bucket of the last 24 h, if that window is one of ours, in
        interactions a minute."""

        def peak() -> NDArray[np.float64]:
            place = next(place for place, ring in enumerate(self._rings) if "24h" in ring.windows)
            ring, cells = self._rings[place], self._cells[place]
            if self.now_ms is None:
                return np.zeros(self._accounts)
            totals = cells[:, :, LIKE].astype(np.int64)
            for column in range(LIKE + 1, POST):
                totals += cells[:, :, column]
            newest = -(-self.now_ms // ring.resolution_ms)
            oldest = (self.now_ms - ring.span_ms) // ring.resolution_ms + 1
            if newest - oldest + 1 < ring.size:
                totals[:, (oldest - 1) % ring.size] = 0
            busiest: Ints = totals.max(axis=1, initial=0)
            return busiest / (ring.resolution_ms / 60_000)

        return peak


def _slices(first: int, last: int, size: int) -> list[slice]:
    """Where buckets first … last stand in a ring; two pieces when they wrap around."""
    if last - first + 1 >= size:
        return [slice(0, size)]
    start, stop = first % size, last % size + 1
    return [slice(start, stop)] if start < stop else [slice(start, size), slice(0, stop)]
