"""One partition: runs in, outcomes counted, window sums and rows out. Pure of broker and clock."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final

import msgspec
import numpy as np

from resonanz_streams.adoptions import Adoptions
from resonanz_streams.ahead import Ahead, Operations
from resonanz_streams.audience_rows import AudienceRows
from resonanz_streams.dead_letters import Lines, Rejected
from resonanz_streams.decode import Columns, Decoder, Snapshot, kind_of
from resonanz_streams.details import Facets
from resonanz_streams.errors import RetryError
from resonanz_streams.events import LEDGER_KINDS, Status
from resonanz_streams.footprint import Footprint, ledger_footprint
from resonanz_streams.heartbeats import Heartbeats
from resonanz_streams.horizon import Horizon
from resonanz_streams.kpis.base import Inputs, Kpi
from resonanz_streams.ledger_rows import Entries, LedgerRows
from resonanz_streams.measures import MakeMeasures, Measures
from resonanz_streams.net.table import NetTable
from resonanz_streams.net_states import NEVER, alone
from resonanz_streams.quarantine import decoded
from resonanz_streams.registry import Registry
from resonanz_streams.rules import Rules
from resonanz_streams.state_fit import check_head
from resonanz_streams.state_head import Head, Recount, read_head
from resonanz_streams.tally import Tally
from resonanz_streams.topics import INTERACTION_TOPICS, LATE, LEDGER_TOPICS
from resonanz_streams.transports.ports import Flush, Outgoing, Recovered, Run
from resonanz_streams.unread import unread

META_KEY: Final = b"m"
_SWEEP_MS: Final = 3_600_000


class PartitionEngine:
    """Everything of one partition. Not thread-safe; ``apply`` takes about 2 µs an event.

    ``accounts``: row i of every array is account i. ``offsets``: the next offset per topic.
    ``lost``: records that retention removed before they were read. ``recount``: what the head says of it.
    ``facets``: those of the events, None if no KPI asks for details.
    """

    def __init__(
        self,
        registry: Registry,
        partition: int,
        *,
        horizon_ms: int,
        ledger_max_bytes: int,
        kpis: Sequence[Kpi],
        measures: MakeMeasures = Measures,
    ) -> None:
        self.registry = registry
        self.accounts = registry.accounts_of(partition)
        self.offsets: dict[str, int] = {}
        self.tally = Tally()
        self.lost = 0
        self.recount: Recount | None = None
        self.partition = partition
        self._partitions = registry.partitions
        self.facets = facets = Facets() if any(kpi.deep for kpi in kpis) else None
        self._swept_ms = NEVER
        self._decoder = Decoder(registry, partition, facets)
        self._names = [account.id for account in self.accounts]
        self._measures = measures(
            registry, self.accounts, ledger_max_bytes=ledger_max_bytes, facets=facets, kpis=kpis
        )
        self.ledger, self.insights = self._measures.ledger, self._measures.insights
        self._horizon = Horizon(self._measures, horizon_ms)
        self._rows = LedgerRows(self._names, facets)
        self._audience = AudienceRows(self._measures, self._names)
        self._rules = Rules(registry, {account.client for account in self.accounts})
        self._adoptions = Adoptions(self._measures.coverage)
        self._ahead = Ahead()
        self._event_clock = False
        self._counted_ms = self._read_ms = NEVER
        self._heartbeats = Heartbeats(self._measures.coverage, partition)
        self._records: list[Outgoing] = []
        self._moved = False
        self._ends: dict[str, int] = {}

    def restore(self, recovered: Recovered, now_ms: int | None) -> None:
        """Begin where an owner of this partition left off. ``now_ms`` None: now is event time, and only
        :meth:`advance` tells it; else it is the wall clock.

        Raises:
            StopError: the state is of another version, or rows and offsets disagree.
        """
        self.offsets = dict(recovered.offsets)
        self._ends = {topic: recovered.ends.get(topic, 0) for topic in INTERACTION_TOPICS}
        self._event_clock = now_ms is None
        known = read_head(recovered.rows.get(META_KEY), self.partition, self.offsets)
        if known is not None:
            check_head(known, self.partition, self._partitions, recovered)
            # A broker forgets the offsets of a group that was away for long; they were written with the rows.
            self.offsets = {**known.offsets, **self.offsets}
            self._horizon.marks, self.recount = dict(known.marks), known.recount
            self.ledger.cut_ms = known.cut_ms
            now_ms = known.now_ms if now_ms is None else now_ms
        entries = self._rows.load(recovered.rows, known.next_id if known else 0)
        self._measures.load(entries)
        self._ahead.load(recovered.rows, self._rows)
        self._rules.load(recovered.rows, now_ms)
        self._adoptions.load(recovered.rows)
        if now_ms is not None:
            self.advance(now_ms)  # what waited and has reached its time too: a flush takes its row away
        self._audience.load(recovered.rows)

    def succeed(self, before: "PartitionEngine") -> None:
        """Go on by another registry where ``before`` stands, which was flushed and has read nothing since;
        this one was restored from what it wrote, as of its now.

        Not in rows are outcomes, also of what waits for its time, and heartbeats.

        Raises:
            RetryError: somebody else wrote.
        """
        # It is one of us, here and below.
        if self.offsets != before.offsets:
            raise RetryError(f"partition {self.partition}: what was written is not what was counted")
        self._event_clock, self._ends = before._event_clock, before._ends  # noqa: SLF001
        self._counted_ms, self.tally, self.lost = before._counted_ms, before.tally, before.lost  # noqa: SLF001
        self._read_ms = before._read_ms  # noqa: SLF001
        self._adoptions.add(set(self._names).difference(before._names), before._reached_ms())  # noqa: SLF001
        self.ledger.cut_ms = before.ledger.cut_ms
        self.ledger.forget(before.ledger.floor_ms)
        names = before._rows.names  # noqa: SLF001
        self._ahead.replace(
            (at_ms, number, Operations(self._rows.adopted(waiting.entries, names), waiting.sources))
            for at_ms, number, waiting in before._ahead.waiting()  # noqa: SLF001
        )
        for status in before._heartbeats.told():  # noqa: SLF001
            self.observe(status)

    def take_up(self, accounts: Collection[str]) -> None:
        """Of these, who was here before may have made dead letters: they count from now on."""
        self._adoptions.add(set(self._names).intersection(accounts), self._reached_ms())

    def _reached_ms(self) -> int:
        """No earlier than now when the last record was read; by event time than what was counted."""
        read_ms = self.newest_ms if self._event_clock else self._read_ms
        return max(one for one in (self._measures.now_ms, read_ms, NEVER) if one is not None)

    def take_flush(self) -> Flush | None:
        """What must be written since the last call, or None. The next call assumes that it was."""
        now = self._measures.now_ms
        self.ledger.forget(self._horizon.forgotten_floor_ms())
        self._sweep()
        rows = self._rows.take(self.ledger.floor_ms) | self._ahead.take(self._rows, now)
        rows |= self._audience.take() | self._adoptions.take(now)
        if not (rows or self._records or self._moved or self._rules.changed):
            return None
        head = Head(
            next_id=self._rows.next_id,
            cut_ms=self.ledger.cut_ms,
            marks=self._horizon.marks,
            offsets=self.offsets,
            now_ms=now,
            partitions=self._partitions,
            recount=self.recount,
        )
        rows |= {META_KEY: msgspec.msgpack.encode(head), **self._rules.take()}
        flush = Flush(rows=rows, offsets=dict(self.offsets), records=tuple(self._records))
        self._records = []
        self._moved = False
        return flush

    def _sweep(self) -> None:
        """Forget the facets that nothing has any more, once an hour of what is forgotten."""
        if self.facets is None or self.ledger.floor_ms - self._swept_ms < _SWEEP_MS:
            return
        self._swept_ms = self.ledger.floor_ms
        self.facets.keep((*self.ledger.arrays(), *self._rows.arrays(), *self._ahead.arrays()))

    def merge_job(self) -> Callable[[], Callable[[], None]] | None:
        """Work that would hold the event loop, or None: call it in a thread, then what it returns here."""
        return self.ledger.merge_job()

    def apply(self, run: Run, clock_ms: int) -> None:
        """Count one run. ``clock_ms`` is the wall clock, which bounds what counts as the future.

        Records below the next offset are skipped: they are part of the state already. Operations later
        than now wait; their outcome is tallied when time gets there.
        """
        self._read_ms = max(self._read_ms, clock_ms)
        run, lost = unread(run, self.offsets.get(run.topic))
        self.lost += lost
        if not run.values:
            self._arrived(run)
            return
        lines = Lines(run)
        if run.topic in LEDGER_TOPICS:
            parts, rejected = decoded(partial(self._decoder.operations, now_ms=clock_ms), run, lines)
            for columns, of_lines in parts:
                self._take(run.topic, columns, of_lines, clock_ms)
        else:
            several, rejected = decoded(partial(self._decoder.snapshots, now_ms=clock_ms), run, lines)
            for snapshots, _ in several:
                self._take_audience(run.topic, snapshots)
        self.reject(run.topic, rejected)
        self._arrived(run)

    def _arrived(self, run: Run) -> None:
        if run.next_offset > self.offsets.get(run.topic, -1):
            self.offsets[run.topic] = run.next_offset
            self._moved = True
        self._heartbeats.read(self.offsets)

    def _take(self, topic: str, columns: Columns, lines: Lines, clock_ms: int) -> None:
        if not len(columns):
            return
        self._horizon.saw(topic, int(columns.at_ms.max()))
        kind = kind_of(topic)
        floor = self._horizon.late_floor_ms()
        if int(columns.at_ms.min()) < floor:
            columns = self._send_late(kind, columns, lines, floor)
        operations = Operations(
            Entries(
                columns.keys,
                alone(columns.at_ms, columns.removal, columns.weights, columns.details),
                columns.rows.astype(np.uint32),
                np.full(len(columns), LEDGER_KINDS.index(kind), dtype=np.uint8),
            ),
            columns.sources,
        )
        reached = self._measures.now_ms if self._event_clock else max(clock_ms, self._measures.now_ms or 0)
        self._counted_ms = self._counted_ms if reached is None else max(self._counted_ms, reached)
        waits = columns.at_ms > (NEVER if reached is None else reached)
        if waits.any():
            self._ahead.add(operations.where(waits))
            operations = operations.where(~waits)
        self._count(operations)

    def _count(self, operations: Operations) -> None:
        if not len(operations):
            return
        entries = operations.entries
        changed, news = self._measures.count(entries)
        self._rows.record(changed)
        if operations.sources:
            codes = np.where(news, np.where(entries.states.removed > NEVER, 2, 1), 0)
            self.tally.add(operations.sources, LEDGER_KINDS[entries.kinds[0]], codes)

    def _send_late(self, kind: str, columns: Columns, lines: Lines, floor_ms: int) -> Columns:
        """What no window spans any more, or the ledger has forgotten, changes nothing."""
        late = columns.at_ms < floor_ms
        for place in np.flatnonzero(late).tolist():
            data = lines.all()[columns.lines[place]].data
            self._keep_late(int(columns.rows[place]), data, columns.sources[place], kind)
        return columns.at(np.flatnonzero(~late))

    def _keep_late(self, row: int, data: bytes, source: str, kind: str) -> None:
        self._records.append(Outgoing(LATE, self._names[row].encode(), data, partition=self.partition))
        self.tally.one(source, kind, "late")

    def _take_audience(self, topic: str, snapshots: Sequence[Snapshot]) -> None:
        book = self._measures.audience
        for snapshot in snapshots:
            if book.is_late(snapshot.at_ms):
                self._keep_late(snapshot.row, snapshot.data, snapshot.source, topic)
                continue
            news = self._audience.add(snapshot)
            self.tally.one(snapshot.source, topic, "counted" if news else "duplicate")

    def reject(self, topic: str, rejected: Sequence[Rejected]) -> None:
        """Make dead letters of lines that cannot be counted; they are written with the next flush."""
        for item in rejected:
            self._records.append(item.record(topic, self.partition))
            self.tally.reject(kind_of(topic) if topic in LEDGER_TOPICS else topic, item.reason)

    def observe(self, status: Status) -> None:
        """Take a connector's heartbeat, once the records that it speaks of have been read."""
        self._heartbeats.take(status, self.offsets)

    @property
    def misplaced(self) -> int:
        """Lines of accounts that belong to other partitions, since the last restore."""
        return self._decoder.misplaced

    @property
    def untouched(self) -> bool:
        """Whether nothing has ever arrived here, no event and no heartbeat, and nothing stood here unread
        when the partition was taken over: the event clock must not pass that."""
        if any(self.offsets.get(topic, 0) < end for topic, end in self._ends.items()):
            return False
        through = self._measures.coverage.complete_through()
        return not self._horizon.marks and through is None and not self._heartbeats.waiting

    @property
    def ended(self) -> bool:
        """Whether nothing more will come: every connector said so, and all that they published is read."""
        return not self._heartbeats.waiting and self._measures.coverage.ended

    def watermark(self) -> int | None:
        """The smallest over likes, comments and shares; None while one of them has neither had an event
        nor a connector that says it is complete."""
        return self._horizon.watermark()

    @property
    def now_ms(self) -> int | None:
        """As of when it stands; None before the first :meth:`advance`."""
        return self._measures.now_ms

    @property
    def newest_ms(self) -> int | None:
        """The newest event's time."""
        return max(self._horizon.marks.values(), default=None)

    def advance(self, now_ms: int) -> None:
        """Let time pass to ``now_ms``; an earlier time changes nothing."""
        self._measures.advance(now_ms)
        for operations in self._ahead.due(now_ms):
            self._count(operations)

    def settle(self) -> None:
        """Let now be no earlier than what is counted: by the wall clock a run that came after the last
        :meth:`advance` may have undone what still stood then."""
        if self._measures.now_ms is not None and self._counted_ms > self._measures.now_ms:
            self.advance(self._counted_ms)

    def inputs(self) -> Inputs | None:
        """What the KPIs are computed from, as of the last :meth:`advance`; None before the first.

        The counts are copies. Of a window longer than the horizon only what is within it is covered: what
        was undone or repeated before is not known, and a restart leaves out what was added before.
        """
        now = self._measures.now_ms
        return None if now is None else self._measures.inputs(known_from_ms=self._horizon.known_from_ms(now))

    def net(self) -> Callable[[], NetTable]:
        """See :meth:`Measures.net`; of what is within the horizon."""
        return self._measures.net(known_from_ms=self._horizon.known_from_ms(self._measures.now_ms or NEVER))

    def footprints(self) -> tuple[Footprint, Footprint]:
        """Memory of the ledger, and of the windows' counts."""
        return ledger_footprint(self.ledger, self._rows), self._measures.rings_footprint()

    @property
    def horizon_ms(self) -> int:
        """How far back operations count: as configured, or less while the ledger is at its cap."""
        return self._horizon.reach_ms()
