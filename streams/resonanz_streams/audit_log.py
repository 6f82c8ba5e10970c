"""What a partition's log says: every operation and follower snapshot as columns, and where each stands.

Decoded as the worker does it; counted elsewhere, and by other means.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.dead_letters import Lines
from resonanz_streams.decode import Columns, Decoder, Snapshot
from resonanz_streams.details import WIDTH, Facets
from resonanz_streams.events import AHEAD_MS
from resonanz_streams.quarantine import decoded
from resonanz_streams.refused import Letters
from resonanz_streams.registry import Registry
from resonanz_streams.state_head import Recount
from resonanz_streams.topics import LEDGER_TOPICS
from resonanz_streams.transports.ports import Run

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
POST, REACH, IMPRESSIONS = range(3)
"""What a follower snapshot has for details, if it is one of a post."""


@dataclass(frozen=True, slots=True)
class Logged:
    """Operations, or follower snapshots: account row, kind (its number), time, whether it is a removal,
    weight (or followers), key, offset, whether the worker refused it when it was read, whether a rebuild has
    read that since, which may have counted it, whether it waits: nor has redrive sent it again; details (or
    POST, REACH and IMPRESSIONS, both one more than they are).

    Sorted by key, additions first, then time, weight, and details: of a key the newest addition stands last
    among its additions, the newest removal last of all. Follower snapshots have their row as the key.
    """

    rows: Ints
    columns: NDArray[np.uint8]
    at_ms: Ints
    removal: Flags
    weights: Ints
    keys: NDArray[np.uint64]
    offsets: Ints
    refused: Flags
    recounted: Flags
    waiting: Flags
    details: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.keys)

    def where(self, chosen: Flags) -> "Logged":
        """The chosen ones, in the same order."""
        return Logged(*(part[chosen] for part in _parts(self)))


def _parts(logged: Logged) -> tuple[NDArray[Any], ...]:
    return (
        logged.rows,
        logged.columns,
        logged.at_ms,
        logged.removal,
        logged.weights,
        logged.keys,
        logged.offsets,
        logged.refused,
        logged.recounted,
        logged.waiting,
        logged.details,
    )


def together(pieces: Sequence[Logged]) -> Logged:
    """All of them, sorted as :class:`Logged` says."""
    nothing = np.zeros(0, dtype=np.int64)
    empty = Logged(
        nothing,
        nothing.astype(np.uint8),
        nothing,
        nothing.astype(np.bool_),
        nothing,
        nothing.astype(np.uint64),
        nothing,
        nothing.astype(np.bool_),
        nothing.astype(np.bool_),
        nothing.astype(np.bool_),
        np.zeros((0, WIDTH), dtype=np.uint64),
    )
    columns = zip(*(_parts(piece) for piece in (empty, *pieces)), strict=True)
    whole = Logged(*(np.concatenate(column) for column in columns))
    details = tuple(whole.details.T[::-1])
    order = np.lexsort((*details, whole.weights, whole.at_ms, whole.removal, whole.keys))
    return Logged(*(part[order] for part in _parts(whole)))


def _of_posts(snapshots: Sequence[Snapshot]) -> NDArray[np.uint64]:
    told = np.zeros((len(snapshots), WIDTH), dtype=np.uint64)
    told[:, POST] = [snapshot.post for snapshot in snapshots]
    told[:, REACH] = [snapshot.reach + 1 for snapshot in snapshots]
    told[:, IMPRESSIONS] = [snapshot.impressions + 1 for snapshot in snapshots]
    return told


Way = Literal["read", "recounted", "all"]


def ways(*logs: Logged) -> Sequence[Way]:
    """How a state may have come about, the likeliest first: without the lines that were refused when they
    were read, with those that a rebuild has read since, or with all of them, as another group's."""
    found: list[Way] = ["read"]
    if any(logged.recounted.any() for logged in logs):
        found.insert(0, "recounted")
    if any(logged.refused.any() for logged in logs):
        found.append("all")
    return found


def taken(logged: Logged, way: Way) -> Logged:
    """What was counted if it came about so. One configuration decides on all lines of an account."""
    if way == "all":
        return logged
    return logged.where(~logged.refused | logged.recounted if way == "recounted" else ~logged.refused)


class LogReader:
    """Decodes a partition's runs. ``floor_ms``: what is older is left out; ``only``: of this account row;
    ``recount``: up to where a rebuild has read."""

    def __init__(
        self,
        registry: Registry,
        partition: int,
        letters: Letters,
        *,
        now_ms: int,
        floor_ms: int,
        only: int | None = None,
        recount: Recount | None = None,
    ) -> None:
        self.facets = Facets()
        self._decoder = Decoder(registry, partition, self.facets)
        self._letters = letters
        self._now_ms = now_ms
        self._floor_ms = floor_ms
        self._only = only
        self._recount = recount
        self._operations: list[Logged] = []
        self._people: list[Logged] = []

    def take(self, run: Run) -> None:
        """The next run of any topic."""
        lines = Lines(run)
        if run.topic in LEDGER_TOPICS:
            parts, rejected = decoded(partial(self._decoder.operations, now_ms=self._now_ms), run, lines)
            for columns, of_lines in parts:
                if len(columns):
                    self._keep(self._operations, self._of_columns(run, columns, of_lines, len(rejected)))
        else:
            several, _ = decoded(partial(self._decoder.snapshots, now_ms=self._now_ms), run, lines)
            for snapshots, of_lines in several:
                self._keep(self._people, self._of_people(run, snapshots, of_lines))

    def _keep(self, pieces: list[Logged], piece: Logged) -> None:
        wanted = piece.at_ms > self._floor_ms
        if self._only is not None:
            wanted &= piece.rows == self._only
        pieces.append(piece.where(wanted))

    def _of_columns(self, run: Run, columns: Columns, lines: Lines, rejected: int) -> Logged:
        places = columns.lines
        counts = [value.count(b"\n") + 1 for value in run.values]
        if sum(counts) == len(columns) + rejected:  # no line is blank, so none has to be looked at
            offsets = np.repeat(np.array(run.offsets, dtype=np.int64), counts)[np.array(places)]
        else:
            offsets = np.array([lines.all()[place].offset for place in places], dtype=np.int64)
        return Logged(
            columns.rows,
            np.full(len(columns), LEDGER_TOPICS.index(run.topic), dtype=np.uint8),
            columns.at_ms,
            columns.removal,
            columns.weights,
            columns.keys,
            offsets,
            *self._refused(run, offsets, columns.at_ms, lambda event: lines.all()[places[event]].data),
            np.zeros((len(columns), WIDTH), np.uint64) if columns.details is None else columns.details,
        )

    def _of_people(self, run: Run, snapshots: Sequence[Snapshot], lines: Lines) -> Logged:
        # Two equal lines say the same: it does not matter which of them it was.
        where = {line.data: line.offset for line in reversed(lines.all())}
        rows = np.array([snapshot.row for snapshot in snapshots], dtype=np.int64)
        at_ms = np.array([snapshot.at_ms for snapshot in snapshots], dtype=np.int64)
        offsets = np.array([where[snapshot.data] for snapshot in snapshots], dtype=np.int64)
        return Logged(
            rows,
            np.zeros(len(rows), dtype=np.uint8),
            at_ms,
            np.zeros(len(rows), dtype=np.bool_),
            np.array([snapshot.followers for snapshot in snapshots], dtype=np.int64),
            rows.astype(np.uint64),
            offsets,
            *self._refused(run, offsets, at_ms, lambda event: snapshots[event].data),
            _of_posts(snapshots),
        )

    def _refused(
        self, run: Run, offsets: Ints, at_ms: Ints, line_at: Callable[[int], bytes]
    ) -> tuple[Flags, Flags, Flags]:
        """What was refused when it was read, what of it a rebuild may have counted, and what still waits."""
        refused = self._letters.refused(run, offsets, line_at)
        recounted = np.zeros(len(refused), dtype=np.bool_)
        if self._recount is not None and refused.any():
            recounted = refused & (offsets < self._recount.ends.get(run.topic, 0))
            recounted &= at_ms <= self._recount.at_ms + AHEAD_MS
            for event in np.flatnonzero(recounted).tolist():
                recounted[event] = not self._letters.quarantined(run, int(offsets[event]), line_at(event))
        waiting = refused & ~recounted
        for event in np.flatnonzero(waiting).tolist():
            waiting[event] = not self._letters.sent(run, int(offsets[event]), line_at(event))
        return refused, recounted, waiting

    def finish(self) -> tuple[Logged, Logged]:
        """Operations and follower snapshots."""
        return together(self._operations), together(self._people)
