"""Operations that are later than now: they are counted when time gets there, not when they are read.

Topics are read at different paces. An unlike read early must not empty a bucket before its time, or the
numbers at an instant would depend on the order of reading. What waits is kept in rows of its own, since
the offsets have moved past it; reading such a row twice changes nothing, as with the ledger's.
"""

import heapq
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.ledger_rows import Entries, LedgerRows, joined
from resonanz_streams.net_states import NEVER

AHEAD_PREFIX: Final = b"f/"


@dataclass(frozen=True, slots=True)
class Operations:
    """Single operations, each as the state it would make alone.

    ``sources``: empty if not known; where they are, the operations are of one kind.
    """

    entries: Entries
    sources: Sequence[str]

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def at_ms(self) -> NDArray[np.int64]:
        """When each happened."""
        return self.entries.states.newest

    def where(self, chosen: NDArray[np.bool_]) -> "Operations":
        """The chosen ones."""
        places = np.flatnonzero(chosen)
        sources = [self.sources[place] for place in places.tolist()] if self.sources else ()
        return Operations(self.entries.at(places), sources)


class Ahead:
    """A queue of operations by time, with its rows."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Operations]] = []
        self._pushed = itertools.count()
        self._unsaved: list[Entries] = []
        self._rows: dict[int, int] = {}

    def __len__(self) -> int:
        return sum(len(operations) for _, _, operations in self._heap)

    def arrays(self) -> Iterator[NDArray[Any]]:
        """The details of all that waits, and of what no row has yet."""
        for entries in (*(operations.entries for _, _, operations in self._heap), *self._unsaved):
            if entries.states.details is not None:
                yield entries.states.details

    def add(self, operations: Operations) -> None:
        """Let these wait."""
        if len(operations):
            self._push(operations)
            self._unsaved.append(operations.entries)

    def _push(self, operations: Operations) -> None:
        first = int(operations.at_ms.min())
        heapq.heappush(self._heap, (first, next(self._pushed), operations))

    def due(self, now_ms: int) -> Iterator[Operations]:
        """Take out what ``now_ms`` has reached."""
        while self._heap and self._heap[0][0] <= now_ms:
            operations = heapq.heappop(self._heap)[2]
            ready = operations.at_ms <= now_ms
            if not ready.all():
                self._push(operations.where(~ready))
            yield operations.where(ready)

    def take(self, rows: LedgerRows, now_ms: int | None) -> dict[bytes, bytes | None]:
        """The rows to write now, and those to delete, with nothing left in them that waits."""
        reached = NEVER if now_ms is None else now_ms
        changes: dict[bytes, bytes | None] = {}
        for number in [number for number, newest in self._rows.items() if newest <= reached]:
            del self._rows[number]
            changes[AHEAD_PREFIX + b"%d" % number] = None
        unsaved, self._unsaved = self._unsaved, []
        if unsaved:
            entries = joined(unsaved)
            entries = entries.at(np.flatnonzero(entries.states.newest > reached))
            for number, part, data in rows.packed(entries):
                changes[AHEAD_PREFIX + b"%d" % number] = data
                self._rows[number] = part.newest_ms
        return changes

    def waiting(self) -> Iterator[tuple[int, int, Operations]]:
        """What waits, with the first time of each and the number under which it came."""
        yield from self._heap

    def replace(self, waiting: Iterable[tuple[int, int, Operations]]) -> None:
        """Let exactly these wait, which the rows hold already; unlike those read from rows they have
        sources."""
        self._heap = list(waiting)
        heapq.heapify(self._heap)
        self._pushed = itertools.count(1 + max((number for _, number, _ in self._heap), default=0))

    def load(self, recovered: Mapping[bytes, bytes], rows: LedgerRows) -> None:
        """Take over what is stored among these rows.

        Raises:
            StopError: a row was written by another version.
        """
        for key, data in recovered.items():
            if key.startswith(AHEAD_PREFIX):
                entries = rows.unpacked(data)
                self._rows[int(key.removeprefix(AHEAD_PREFIX))] = entries.newest_ms
                self._push(Operations(entries, ()))
