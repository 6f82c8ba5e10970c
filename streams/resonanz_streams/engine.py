"""One partition: runs in, outcomes counted, window sums and rows out. Pure of broker and clock."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np

from resonanz_streams.audience import AudienceBook
from resonanz_streams.coverage import CoverageBook
from resonanz_streams.dead_letters import Lines, Rejected
from resonanz_streams.decode import Columns, Decoder
from resonanz_streams.errors import StopError
from resonanz_streams.events import KINDS, Status
from resonanz_streams.kpis.base import REMOVED, WINDOWS, WINDOWS_MS, Inputs
from resonanz_streams.ledger import ENTRY_BYTES, NEVER, Changes, Ledger, States
from resonanz_streams.ledger_rows import ROW_PREFIX, SCHEMA, Entries, LedgerRows
from resonanz_streams.registry import Registry
from resonanz_streams.topics import INTERACTION_TOPICS, KIND_OF_TOPIC, LATE
from resonanz_streams.transports.ports import Flush, Outgoing, Recovered, Run
from resonanz_streams.windows import Deltas, Windows, old_edge_ms

ACCOUNT_PREFIX: Final = b"a/"
META_KEY: Final = b"m"
OUTCOMES: Final = ("duplicate", "counted", "removed")
KIND_COLUMN: Final = {kind: column for column, kind in enumerate(KINDS)}


@dataclass(slots=True)
class Tally:
    """What became of the events read since the engine started.

    ``outcomes``: by (source, kind, outcome), outcome as in the contract; source is "" where a dead
    letter's could not be read. ``dead_letters``: by reason.
    """

    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)

    def update(self, other: "Tally") -> None:
        """Add another tally."""
        self.outcomes.update(other.outcomes)
        self.dead_letters.update(other.dead_letters)


class _Meta(msgspec.Struct):
    schema: int
    next_id: int
    floor_ms: int
    marks: dict[str, int]
    offsets: dict[str, int]


class PartitionEngine:
    """Everything of one partition. Not thread-safe; ``apply`` takes about 4 µs an event.

    ``accounts``: row i of every array is account i. ``offsets``: the next offset per topic.
    ``lost``: records that retention removed before they were read.
    """

    def __init__(
        self, registry: Registry, partition: int, *, horizon_ms: int, ledger_max_bytes: int
    ) -> None:
        self.accounts = registry.accounts_of(partition)
        self.offsets: dict[str, int] = {}
        self.tally = Tally()
        self.lost = 0
        self._registry = registry
        self._partition = partition
        self._horizon_ms = horizon_ms
        self._decoder = Decoder(registry, partition)
        self._names = [account.id for account in self.accounts]
        self.ledger = Ledger(ledger_max_bytes)
        self._rows = LedgerRows(self._names)
        self._windows = Windows(len(self.accounts))
        self._audience = AudienceBook(len(self.accounts))
        self._coverage = CoverageBook(self._names)
        self._marks: dict[str, int] = {}
        self._held: list[Status] = []
        self._records: list[Outgoing] = []
        self._changed_audience: set[int] = set()
        self._moved = False

    # -- state -------------------------------------------------------------------------------------

    def restore(self, recovered: Recovered, now_ms: int | None) -> None:
        """Begin where an owner of this partition left off.

        Raises:
            StopError: the state is of another version, or rows and offsets disagree.
        """
        self.offsets = dict(recovered.offsets)
        meta = self._read_meta(recovered.rows.get(META_KEY))
        ledger_rows = {key: row for key, row in recovered.rows.items() if key.startswith(ROW_PREFIX)}
        entries = self._rows.load(ledger_rows, meta.next_id if meta else 0)
        if meta:
            self._marks = dict(meta.marks)
            self.ledger.forget(meta.floor_ms)
        self.ledger.load(entries.keys, entries.states)
        if now_ms is not None:
            self._windows.advance(now_ms)
        known = np.flatnonzero(entries.accounts < len(self._names))
        self._fill_windows(entries.at(known))
        rows = {ACCOUNT_PREFIX + name.encode(): row for row, name in enumerate(self._names)}
        for key, value in recovered.rows.items():
            if key in rows:
                self._audience.unpack(rows[key], value)

    def _read_meta(self, data: bytes | None) -> _Meta | None:
        if data is None:
            return None
        try:
            meta = msgspec.msgpack.decode(data, type=_Meta)
        except msgspec.DecodeError as error:
            raise StopError(f"the state's head cannot be read ({error}); run: resonanz rebuild") from None
        if meta.schema != SCHEMA:
            raise StopError(
                f"the state was written by schema {meta.schema}, this version reads {SCHEMA}; "
                "run the version that wrote it, or recompute with: resonanz rebuild"
            )
        if any(self.offsets.get(topic, 0) < offset for topic, offset in meta.offsets.items()):
            raise StopError(
                f"partition {self._partition}: the state holds {meta.offsets}, the committed offsets are "
                f"{self.offsets}; somebody moved them: recompute with: resonanz rebuild"
            )
        return meta

    def _fill_windows(self, entries: Entries) -> None:
        states = entries.states
        columns = np.where(states.counts, entries.kinds, REMOVED)
        seen = np.flatnonzero(states.added > NEVER)
        self._windows.add(
            Deltas(
                entries.accounts[seen].astype(np.int64),
                columns[seen].astype(np.int64),
                states.added[seen],
                states.weight[seen],
            )
        )

    def take_flush(self) -> Flush | None:
        """What must be written since the last call, or None. The next call assumes that it was."""
        floor = self._floor_ms()
        self.ledger.forget(floor)
        rows = self._rows.take(self.ledger.floor_ms)
        for row in sorted(self._changed_audience):
            rows[ACCOUNT_PREFIX + self._names[row].encode()] = self._audience.pack(row)
        if not (rows or self._records or self._moved):
            return None
        meta = _Meta(SCHEMA, self._rows.next_id, self.ledger.floor_ms, self._marks, self.offsets)
        rows[META_KEY] = msgspec.msgpack.encode(meta)
        flush = Flush(rows=rows, offsets=dict(self.offsets), records=tuple(self._records))
        self._records = []
        self._changed_audience = set()
        self._moved = False
        return flush

    # -- input -------------------------------------------------------------------------------------

    def apply(self, run: Run, clock_ms: int) -> None:
        """Count one run. ``clock_ms`` is the wall clock, which bounds what counts as the future.

        Records below the next offset are skipped: they are part of the state already.
        """
        run = self._new_part(run)
        if not run.values:
            self._arrived(run)
            return
        lines = Lines(run)
        if run.topic in KIND_OF_TOPIC:
            columns, rejected = self._decoder.interactions(run, lines, clock_ms)
            self._count(run.topic, columns, lines)
        else:
            snapshots, rejected = self._decoder.snapshots(run, lines, clock_ms)
            for snapshot in snapshots:
                news = self._audience.add(snapshot.row, snapshot.at_ms, snapshot.followers)
                if news:
                    self._changed_audience.add(snapshot.row)
                self.tally.outcomes[snapshot.source, run.topic, "counted" if news else "duplicate"] += 1
        if rejected:
            self._reject(run.topic, rejected)
        self._arrived(run)

    def _new_part(self, run: Run) -> Run:
        known = self.offsets.get(run.topic)
        offsets, values = run.offsets, run.values
        if known is not None and offsets and offsets[0] < known:
            new = next((i for i, offset in enumerate(offsets) if offset >= known), len(offsets))
            offsets, values = offsets[new:], values[new:]
        elif offsets and run.first_offset > 0 and offsets[0] > run.first_offset:
            self.lost += offsets[0] - run.first_offset
        return Run(run.topic, run.partition, run.first_offset, run.next_offset, values, offsets)

    def _arrived(self, run: Run) -> None:
        if run.next_offset > self.offsets.get(run.topic, -1):
            self.offsets[run.topic] = run.next_offset
            self._moved = True
        if self._held:
            held, self._held = self._held, []
            for status in held:
                self.observe(status)

    def _count(self, topic: str, columns: Columns, lines: Lines) -> None:
        if not len(columns):
            return
        self._marks[topic] = max(self._marks.get(topic, 0), int(columns.at_ms.max()))
        kind = KIND_OF_TOPIC[topic]
        oldest = int(columns.at_ms.min())
        if oldest < max(self._floor_ms(), self.ledger.floor_ms):
            columns = self._send_late(kind, columns, lines)
            if not len(columns):
                return
        changes, news = self.ledger.apply(columns.keys, columns.at_ms, columns.removal, columns.weights)
        rows = columns.rows[changes.first]
        column = KIND_COLUMN[kind]
        self._windows.add(_deltas(changes, rows, column))
        self._rows.record(
            Entries(
                changes.keys,
                changes.after,
                rows.astype(np.uint32),
                np.full(len(rows), column, dtype=np.uint8),
            )
        )
        self._tally(columns.sources, kind, np.where(news, 1 + columns.removal, 0))

    def _send_late(self, kind: str, columns: Columns, lines: Lines) -> Columns:
        """What no window spans any more, or the ledger has forgotten, changes nothing."""
        late = columns.at_ms < max(self._floor_ms(), self.ledger.floor_ms)
        for place in np.flatnonzero(late).tolist():
            name = self._names[columns.rows[place]]
            data = lines.all()[columns.lines[place]].data
            self._records.append(Outgoing(LATE, name.encode(), data, partition=self._partition))
            self.tally.outcomes[columns.sources[place], kind, "late"] += 1
        kept = np.flatnonzero(~late)
        return Columns(
            columns.rows[kept],
            columns.at_ms[kept],
            columns.removal[kept],
            columns.weights[kept],
            columns.keys[kept],
            [columns.sources[place] for place in kept.tolist()],
            [columns.lines[place] for place in kept.tolist()],
        )

    def _tally(self, sources: Sequence[str], kind: str, codes: "np.ndarray[Any, Any]") -> None:
        """``codes`` are indices into OUTCOMES."""
        distinct = set(sources)
        for source in distinct:
            mine = codes if len(distinct) == 1 else codes[[name == source for name in sources]]
            for outcome, count in zip(OUTCOMES, np.bincount(mine, minlength=3).tolist(), strict=True):
                if count:
                    self.tally.outcomes[source, kind, outcome] += count

    def _reject(self, topic: str, rejected: Sequence[Rejected]) -> None:
        kind = KIND_OF_TOPIC.get(topic, topic)
        self._records.extend(item.record(topic, self._partition) for item in rejected)
        for item in rejected:
            self.tally.dead_letters[item.reason] += 1
            self.tally.outcomes["", kind, "dead_letter"] += 1

    # -- time --------------------------------------------------------------------------------------

    def _floor_ms(self) -> int:
        """Older operations change nothing: beyond the horizon, or beyond every window at now."""
        mark, now = self.watermark(), self._windows.now_ms
        floor = NEVER if mark is None else mark - self._horizon_ms
        return floor if now is None else max(floor, old_edge_ms(WINDOWS[-1], now) + 1)

    def observe(self, status: Status) -> None:
        """Take a connector's heartbeat, once the records that it speaks of have been read."""
        for place, end in status.published.items():
            topic, _, partition = place.partition("/")
            if int(partition) == self._partition and topic in KIND_OF_TOPIC and self.offsets.get(topic, 0) < end:
                self._held.append(status)
                return
        self._coverage.observe(status)

    @property
    def untouched(self) -> bool:
        """Whether nothing has ever arrived here, no event and no heartbeat."""
        return not self._marks and self._coverage.complete_through() is None and not self._held

    def watermark(self) -> int | None:
        """The smallest over likes, comments and shares; None while one of them has neither had an event
        nor a connector that says it is complete."""
        through = self._coverage.complete_through()
        marks = [max(self._marks.get(topic, NEVER), NEVER if through is None else through) for topic in INTERACTION_TOPICS]
        smallest = min(marks)
        return None if smallest == NEVER else smallest

    def advance(self, now_ms: int) -> None:
        """Let time pass to ``now_ms``; an earlier time changes nothing."""
        self._windows.advance(now_ms)

    # -- output ------------------------------------------------------------------------------------

    def inputs(self) -> Inputs | None:
        """What the KPIs are computed from, as of the last :meth:`advance`; None before the first.

        The counts are copies.
        """
        now = self._windows.now_ms
        if now is None:
            return None
        starts = {window: old_edge_ms(window, now) for window in WINDOWS}
        lengths = {window: now - start for window, start in starts.items()}
        potential = [self._registry.potential_at(account.client, now) for account in self.accounts]
        return Inputs(
            now_ms=now,
            counts={window: sums.copy() for window, sums in self._windows.sums.items()},
            length_ms=lengths,
            peak_per_minute=self._windows.peak_per_minute(),
            followers=self._audience.mean(now, lengths),
            potential=np.array([np.nan if people is None else people for people in potential], dtype=np.float64),
            coverage=self._coverage.share(now, {w: now - length for w, length in WINDOWS_MS.items()}),
        )

    @property
    def ledger_entries(self) -> int:
        """Keys in the ledger."""
        return len(self.ledger)

    @property
    def ledger_bytes(self) -> int:
        """Memory of the ledger's entries."""
        return len(self.ledger) * ENTRY_BYTES

    @property
    def horizon_ms(self) -> int:
        """How far back operations count: as configured, or less while the ledger is at its cap."""
        mark = self.watermark()
        if mark is None or self.ledger.floor_ms == NEVER:
            return self._horizon_ms
        return min(self._horizon_ms, mark - self.ledger.floor_ms)


def _deltas(changes: Changes, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]", column: int) -> Deltas:
    """What a change of net state does to the windows: the old contribution leaves, the new one comes."""
    parts = [(changes.before, -1), (changes.after, 1)]
    pieces = [_contribution(states, sign, rows, column) for states, sign in parts]
    return Deltas(
        np.concatenate([piece.rows for piece in pieces]),
        np.concatenate([piece.columns for piece in pieces]),
        np.concatenate([piece.at_ms for piece in pieces]),
        np.concatenate([piece.weights for piece in pieces]),
    )


def _contribution(
    states: States, sign: int, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]", column: int
) -> Deltas:
    seen = np.flatnonzero(states.added > NEVER)
    columns = np.where(states.counts[seen], column, REMOVED).astype(np.int64)
    return Deltas(rows[seen], columns, states.added[seen], sign * states.weight[seen])
