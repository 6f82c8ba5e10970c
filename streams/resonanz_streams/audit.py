"""``resonanz audit``: everything counted once more from the log, and compared with what is live.

Two things are live: the durable state of every partition, and the newest snapshot of every account in topic
``kpis``. Both say which part of the log they contain; that part is read, decoded as the worker does it, and
then counted by other means. Nothing is taken over: workers go on meanwhile.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from resonanz_streams.ahead import AHEAD_PREFIX
from resonanz_streams.audience import HOLD_MS
from resonanz_streams.audience_rows import ACCOUNT_PREFIX
from resonanz_streams.audit_counts import Standing, start_ms
from resonanz_streams.audit_insights import compare_insights
from resonanz_streams.audit_log import Logged, LogReader
from resonanz_streams.audit_newest import Presence, newest_told
from resonanz_streams.audit_report import Report
from resonanz_streams.audit_state import Evidence, compare_state
from resonanz_streams.audit_told import Source, compare_told
from resonanz_streams.clock import Clock, wall_ms
from resonanz_streams.details import WIDTH
from resonanz_streams.engine import META_KEY
from resonanz_streams.engine_for import chosen_kpis, engine_for
from resonanz_streams.errors import GROWN, StopError
from resonanz_streams.kpis.base import POST, REMOVED
from resonanz_streams.ledger_rows import Entries, LedgerRows, joined, united
from resonanz_streams.net_states import NEVER
from resonanz_streams.reach import Limit, audience_limits, log_limits, state_limits
from resonanz_streams.refused import Letters
from resonanz_streams.registry import Registry
from resonanz_streams.rules import read_rules
from resonanz_streams.settings import Settings
from resonanz_streams.state_head import Head, read_head
from resonanz_streams.topics import COUNTED_TOPICS, DEEP, KPIS
from resonanz_streams.transports.ports import Archive, Recovered

_TIMELESS: Final = "does not say what time it had reached; a worker finds that again: resonanz worker"
Progress = Callable[[int, int], None]
"""Records read so far, and in all."""


async def audit(
    settings: Settings,
    registry: Registry,
    archive: Archive,
    *,
    account: str | None = None,
    clock: Clock = wall_ms,
    progress: Progress = lambda _done, _all: None,
) -> Report:
    """Compare everything, or one account.

    Raises:
        StopError: the group has no state yet, or it cannot be read.
        RetryError: the broker is away.
    """
    report = Report()
    partitions = range(registry.partitions) if account is None else [registry.accounts[account].partition]
    auditor = _Auditor(settings, registry, archive, clock, report)
    records = await _sizes(archive, partitions, registry.partitions)
    auditor.expect(records, progress)
    for partition in partitions:
        await auditor.partition(partition, account)
    if not auditor.found:
        raise StopError(
            f"group {settings.group} has counted nothing yet; start a worker first: resonanz worker"
        )
    if records and not (report.figures or report.missing):
        report.missing["log"] = "holds records, and not one figure could be compared with it"
    return report


async def _sizes(archive: Archive, partitions: Sequence[int], configured: int) -> int:
    """How many records these partitions have had, of all that are configured."""
    records = 0
    for topic in COUNTED_TOPICS:
        ends = await archive.ends(topic)
        if ends and len(ends) != configured:
            raise StopError(
                f"topic {topic} has {len(ends)} partitions, the configuration says {configured}; "
                f"write partitions: {len(ends)} if it was made so; {GROWN}"
            )
        records += sum(ends.get(partition, 0) for partition in partitions)
    return records


class _Auditor:
    """One partition at a time: that is what is in memory."""

    def __init__(
        self, settings: Settings, registry: Registry, archive: Archive, clock: Clock, report: Report
    ) -> None:
        self.found = False
        self._settings = settings
        self._registry = registry
        self._archive = archive
        self._clock = clock
        self._report = report
        self._letters = Letters(archive)
        self._progress: Progress = lambda _done, _all: None
        self._done = self._all = 0

    def expect(self, records: int, progress: Progress) -> None:
        """Tell ``progress`` of so many records to come."""
        self._all, self._progress = records, progress

    async def partition(self, number: int, account: str | None) -> None:
        """Compare one partition, or one account of it."""
        accounts = self._registry.accounts_of(number)
        rows = [row for row, known in enumerate(accounts) if account in {None, known.id}]
        # Snapshots first: what they were counted from is then part of the state.
        newest = await newest_told(self._archive, KPIS, number, accounts)
        deep = await newest_told(self._archive, DEEP, number, accounts)
        stored = await self._archive.state(number)
        data = stored.get(META_KEY)
        head = None if data is None else read_head(data, number, {})
        if head is None:
            await self._expect_nothing(number)
            return
        self.found = True
        await self._letters.catch_up()
        self._report.note_rules(read_rules(stored), self._registry, [accounts[row] for row in rows])
        live = _Live(self._registry, number, self._settings, self._clock())
        live.load(stored, head)
        if not rows:
            return
        if live.now_ms is None:
            self._report.missing[f"state of partition {number}"] = _TIMELESS
            return
        told, of_deep = ({row: of.told[row] for row in rows if row in of.told} for of in (newest, deep))
        times = {one.snapshot.at_ms for one in (*told.values(), *of_deep.values())}
        reader = await self._read(number, head, live.now_ms, min(times | {live.now_ms}), rows)
        operations, people = reader.finish()
        limits = await self._limits(number, head, live.newest_followers_ms, times | {live.now_ms})
        self._report.refused += int(operations.waiting.sum()) + int(people.waiting.sum())
        evidence = live.evidence(operations, people, *limits[live.now_ms])
        compare_state(evidence, rows, self._report)
        compare_insights(evidence, rows, self._report)
        source = Source(
            number,
            self._registry,
            operations,
            people,
            reader.facets,
            chosen_kpis(self._settings),
            crowded=frozenset(row for row in rows if evidence.engine.insights.cut(row)),
        )
        compare_told(source, told, of_deep, limits, self._report)
        presence = Presence(number, accounts, (operations, people), live.now_ms, self._report)
        if absent := presence.absent(rows, newest):
            # A worker may have counted them first, and told of them, since the first look.
            absent = presence.absent(list(absent), await newest_told(self._archive, KPIS, number, accounts))
        presence.compare(rows, newest, absent)
        presence.compare(rows, deep, set())

    async def _expect_nothing(self, number: int) -> None:
        """Without a state nothing must be there to count."""
        waiting = 0
        for topic in COUNTED_TOPICS:
            end = (await self._archive.ends(topic)).get(number, 0)
            waiting += max(0, end - (await self._archive.beginning(topic, number)).offset)
        if waiting:
            self._report.missing[f"state of partition {number}"] = (
                f"is not there, though the log holds {waiting:,} records: they were never counted, or it is "
                "gone; start a worker, and if it cannot use the state: resonanz rebuild"
            )

    async def _read(
        self, number: int, head: Head, now_ms: int, earliest_ms: int, rows: Sequence[int]
    ) -> LogReader:
        """Has read the log up to where the state ends, as far back as a window reaches."""
        reader = LogReader(
            self._registry,
            number,
            self._letters,
            now_ms=now_ms,
            floor_ms=start_ms("28d", earliest_ms) - HOLD_MS,
            only=rows[0] if len(rows) == 1 else None,
            recount=head.recount,
        )
        for topic in COUNTED_TOPICS:
            before = self._done
            async for run in self._archive.runs(topic, number, head.offsets.get(topic, 0)):
                reader.take(run)
                self._done = before + run.next_offset
                self._progress(self._done, self._all)
        return reader

    async def _limits(
        self, number: int, head: Head, followers_ms: int, times: Iterable[int]
    ) -> dict[int, tuple[Sequence[Limit], Sequence[Limit]]]:
        """By time: those of counts and those of followers. Asked for after the log was read: retention goes
        on meanwhile."""
        beginnings = {topic: await self._archive.beginning(topic, number) for topic in COUNTED_TOPICS}
        of_people = list(audience_limits(beginnings.pop("audience"), followers_ms))
        of_log = list(log_limits(beginnings, head.marks))
        horizon_ms = self._settings.horizon_ms
        return {now: ([*of_log, *state_limits(head, now, horizon_ms)], of_people) for now in times}


class _Live:
    """A partition's engine as its durable state makes it, at a time that is not before anything counted."""

    def __init__(
        self,
        registry: Registry,
        partition: int,
        settings: Settings,
        clock_ms: int,
    ) -> None:
        self._partition = partition
        self._engine = engine_for(settings, registry, partition)
        self._clock_ms = clock_ms if settings.clock == "wall" else None
        self._entries = united(())
        self.now_ms: int | None = None
        self.newest_followers_ms = NEVER

    def load(self, rows: Mapping[bytes, bytes], head: Head) -> None:
        """Take the rows and the head among them."""
        stored = LedgerRows((account.id for account in self._engine.accounts), self._engine.facets)
        counted = stored.load(rows, 0)
        self.newest_followers_ms = max(_newest_followers(rows), default=NEVER)
        self.now_ms = head.now_ms
        if self._clock_ms is not None:
            self.now_ms = max(self._clock_ms, head.now_ms or 0, counted.newest_ms)
        self._engine.restore(Recovered(rows, head.offsets), self.now_ms)
        if self.now_ms is not None:
            self._engine.advance(self.now_ms)
            ahead = joined(
                [stored.unpacked(data) for key, data in rows.items() if key.startswith(AHEAD_PREFIX)]
            )
            due = ahead.at(np.flatnonzero(ahead.states.newest <= self.now_ms))
            self._entries = united([counted, due])

    def evidence(
        self, operations: Logged, people: Logged, limits: Sequence[Limit], people_limits: Sequence[Limit]
    ) -> Evidence:
        """Together with what the log says."""
        inputs = self._engine.inputs()
        assert inputs is not None  # noqa: S101  # it was advanced
        known = operations.where(operations.at_ms <= inputs.now_ms)
        return Evidence(
            self._partition,
            self._engine,
            inputs,
            _standing(self._entries),
            known,
            people,
            limits,
            people_limits,
        )


def _newest_followers(rows: Mapping[bytes, bytes]) -> Iterator[int]:
    for key, packed in rows.items():
        if key.startswith(ACCOUNT_PREFIX) and packed:
            yield int(np.frombuffer(packed, dtype="<i8").reshape(-1, 2)[:, 0].max())


def _standing(entries: Entries) -> Standing:
    stands = entries.states.counts | (entries.kinds != POST)
    seen = np.flatnonzero((entries.states.added > NEVER) & stands)
    states = entries.states.at(seen)
    return Standing(
        entries.accounts[seen].astype(np.int64),
        np.where(states.counts, entries.kinds[seen], REMOVED).astype(np.int64),
        states.added,
        states.weight,
        entries.keys[seen],
        np.zeros((len(seen), WIDTH), np.uint64) if states.details is None else states.details,
    )
