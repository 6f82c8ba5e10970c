"""What people see, the newest snapshots of every account in ``kpis`` and ``kpis.deep``, against the log.

Counts, peaks and followers are recomputed from the records that the snapshot says it was counted from, as of
its own time; what the KPIs make of them is the KPIs' own code. Coverage is taken from the snapshot: it comes
from heartbeats, of which only the newest are kept.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.audit_counts import (
    Standing,
    counts,
    followers,
    followers_at,
    insights,
    peaks,
    standing,
    start_ms,
    table,
)
from resonanz_streams.audit_entries import Place, different_field, figure, pairs
from resonanz_streams.audit_insights import NO_ROOM
from resonanz_streams.audit_log import Logged, taken, ways
from resonanz_streams.audit_newest import Told
from resonanz_streams.audit_report import Difference, Report
from resonanz_streams.audit_state import PARTS, span
from resonanz_streams.catalogue import kpis_by_id
from resonanz_streams.coverage import unpacked
from resonanz_streams.deep import deep_figures
from resonanz_streams.details import Facets
from resonanz_streams.evaluation import KpiFailures
from resonanz_streams.events import KpiEntry
from resonanz_streams.kpis.base import WINDOWS, Floats, Inputs, Kpi
from resonanz_streams.measures import clients_of
from resonanz_streams.reach import Limit, hidden
from resonanz_streams.registry import Registry
from resonanz_streams.snapshots import chosen, entries_of
from resonanz_streams.topics import LEDGER_TOPICS

_SILENT: Final = "it does not say what it was counted from: an earlier version told it"


@dataclass(frozen=True, slots=True)
class Source:
    """What a partition's snapshots are recomputed from. ``crowded``: accounts of which the state had no room
    for all that was told of posts."""

    partition: int
    registry: Registry
    operations: Logged
    people: Logged
    facets: Facets
    kpis: Sequence[Kpi]
    failures: KpiFailures = field(default_factory=KpiFailures)
    crowded: frozenset[int] = frozenset()


def compare_told(
    source: Source,
    told: Mapping[int, Told],
    deep: Mapping[int, Told],
    limits: Mapping[int, tuple[Sequence[Limit], Sequence[Limit]]],
    report: Report,
) -> None:
    """Every entry of every snapshot, those of ``kpis.deep`` apart. ``limits``: those of counts and those of
    followers, by time."""
    for part, snapshots in ((_Ticked, told), (_Deep, deep)):
        for row, one in snapshots.items():
            report.accounts.add(source.registry.accounts_of(source.partition)[row].id)
            if one.snapshot.read is None:
                report.leave_out("kpis", dict.fromkeys(WINDOWS, _SILENT), 1)
        for (now_ms, read), rows in _groups(snapshots).items():
            _compare_group(part(source, snapshots, rows, now_ms, dict(read)), limits[now_ms], report)


def _groups(told: Mapping[int, Told]) -> Mapping[tuple[int, tuple[tuple[str, int], ...]], list[int]]:
    """The accounts whose figures are as of the same time, from the same part of the log."""
    groups: dict[tuple[int, tuple[tuple[str, int], ...]], list[int]] = defaultdict(list)
    for row, one in told.items():
        if one.snapshot.read is not None:
            groups[one.snapshot.at_ms, tuple(sorted(one.snapshot.read.items()))].append(row)
    return groups


def _compare_group(part: "_Part", limits: tuple[Sequence[Limit], Sequence[Limit]], report: Report) -> None:
    of_counts, of_people = limits
    starts = {window: start_ms(window, part.now_ms) for window in WINDOWS}
    unknown, unknown_means = part.unknown(hidden(of_counts, starts)), hidden(of_people, starts)
    many = len(part.rows)
    report.leave_out("kpis", {part.called(window): why for window, why in unknown.items()}, many)
    report.leave_out("kpis", {f"{window} followers": why for window, why in unknown_means.items()}, many)
    variants = list(part.recomputed())
    for place, row in enumerate(part.rows):
        live = part.told[row].snapshot.kpis
        means = unknown_means
        if lacking := part.lacking(row):
            report.leave_out("kpis", {f"{window} reach": why for window, why in lacking.items()}, 1)
            means = {**lacking, **unknown_means}
        found = [
            list(_differences(part, row, (live, variant[place]), unknown, means)) for variant in variants
        ]
        report.figures += sum(
            not _is_unknown((entry.kpi, entry.window, entry.part), unknown, means) for entry in live
        )
        for difference in found[0] if all(found) else ():
            report.add(difference)


@dataclass(frozen=True)
class _Part:
    """The entries of some accounts as of one time, ``now_ms``, from one part of the log, ``read``."""

    source: Source
    told: Mapping[int, Told]
    rows: Sequence[int]
    now_ms: int
    read: Mapping[str, int]

    def unknown(self, found: Mapping[str, str]) -> Mapping[str, str]:
        """The windows that cannot be recomputed, if of counts it is these."""
        return found

    def lacking(self, row: int) -> Mapping[str, str]:
        """The windows in which what comes from topic audience cannot be recomputed of this account."""
        del row
        return {}

    def called(self, window: str) -> str:
        """What a window that cannot be recomputed is called."""
        return window

    def recomputed(self) -> Iterator[list[Sequence[KpiEntry]]]:
        """The entries of these accounts, in all ways in which they may have come about."""
        operations, people = self.seen()
        for way in ways(operations, people):
            yield self.evaluated(standing(taken(operations, way)), taken(people, way))

    def evaluated(self, net: Standing, people: Logged) -> list[Sequence[KpiEntry]]:
        """What these make."""
        raise NotImplementedError

    def seen(self, rows: Sequence[int] | None = None) -> tuple[Logged, Logged]:
        """What had been read of these accounts, and had happened."""
        rows = self.rows if rows is None else rows
        mine = np.zeros(1 + max(rows), dtype=np.bool_)
        mine[list(rows)] = True

        def of_these(logged: Logged, ends: Sequence[int]) -> Logged:
            known = logged.where(logged.offsets < np.array(ends, dtype=np.int64)[logged.columns])
            return known.where((known.rows < len(mine)) & mine[np.minimum(known.rows, len(mine) - 1)])

        operations = of_these(self.source.operations, [self.read.get(topic, 0) for topic in LEDGER_TOPICS])
        people = of_these(self.source.people, [self.read.get("audience", 0)])
        return operations.where(operations.at_ms <= self.now_ms), people

    def inputs(self, net: Standing, people: Logged) -> Inputs:
        """Of all accounts of the partition; coverage is what the snapshots say."""
        now_ms, registry = self.now_ms, self.source.registry
        accounts = registry.accounts_of(self.source.partition)
        coverage = {window: np.zeros(len(accounts)) for window in WINDOWS}
        own: dict[Place, Floats] = defaultdict(lambda: np.zeros(len(accounts)))
        with_own = {kpi.id for kpi in self.source.kpis if kpi.own_coverage}
        for row in self.rows:
            for entry in self.told[row].snapshot.kpis:
                if entry.kpi in with_own:
                    own[entry.kpi, entry.window, entry.part][row] = entry.coverage or 0.0
                elif entry.window in coverage:
                    coverage[entry.window][row] = entry.coverage or 0.0
        return Inputs(
            now_ms=now_ms,
            counts=counts(net, len(accounts), now_ms),
            length_ms={window: now_ms - start_ms(window, now_ms) for window in WINDOWS},
            peak_per_minute=lambda: peaks(net, len(accounts), now_ms),
            followers=followers(people, len(accounts), now_ms),
            potential=np.array(
                [registry.potential_at(account.client, now_ms) for account in accounts], dtype=np.float64
            ),
            clients=clients_of(registry, accounts),
            kpis=self.source.kpis,
            followers_at=followers_at(people),
            coverage=coverage,
            covered=lambda place, _begin, _end: own[place],
        )


class _Ticked(_Part):
    """What is told with every tick."""

    def evaluated(self, net: Standing, people: Logged) -> list[Sequence[KpiEntry]]:
        inputs = chosen(self.inputs(net, people), np.array(self.rows, dtype=np.intp))
        return _by_account(entries_of(inputs, self.source.failures.columns), len(self.rows))


class _Deep(_Part):
    """What is told more seldom, of all that stood then."""

    @property
    def windows(self) -> Sequence[str]:
        """Those of the deep KPIs."""
        known = {window for kpi in self.source.kpis if kpi.deep for window in kpi.windows}
        return [window for window in WINDOWS if window in known]

    def unknown(self, found: Mapping[str, str]) -> Mapping[str, str]:
        # What people answer or react to may lie long before the window.
        return dict.fromkeys(self.windows, found[WINDOWS[-1]]) if WINDOWS[-1] in found else {}

    def lacking(self, row: int) -> Mapping[str, str]:
        return dict.fromkeys(self.windows, NO_ROOM) if row in self.source.crowded else {}

    def called(self, window: str) -> str:
        return f"{window} of what stands"

    def evaluated(self, net: Standing, people: Logged) -> list[Sequence[KpiEntry]]:
        inputs = self.inputs(net, people)
        accounts = len(inputs.potential)
        known = insights(people, self.now_ms)
        stands = table(net, self.source.facets, accounts, self.now_ms, known)
        inputs = replace(inputs, net=stands, days=self.days(accounts))
        arranged = deep_figures(inputs, self.read, self.source.failures.columns).arranged()
        return [arranged.entries(row) for row in self.rows]

    def days(self, accounts: int) -> Callable[[str], NDArray[np.bool_]]:
        """The earlier days that were watched; like coverage they are what the snapshots say."""

        def watched(window: str) -> NDArray[np.bool_]:
            numbers = np.zeros(accounts, dtype=np.int64)
            for row in self.rows:
                numbers[row] = (self.told[row].snapshot.days or {}).get(window, 0)
            return unpacked(numbers)

        return watched


def _is_from_audience(kpi: str) -> bool:
    known = kpis_by_id().get(kpi)
    return known is not None and known.from_audience


def _by_account(columns: Iterable[Sequence[KpiEntry]], accounts: int) -> list[Sequence[KpiEntry]]:
    return list(zip(*columns, strict=True)) or [()] * accounts


def _is_unknown(place: Place, unknown: Mapping[str, str], unknown_means: Mapping[str, str]) -> bool:
    kpi, window, _ = place
    return window in unknown or (window in unknown_means and _is_from_audience(kpi))


def _differences(
    part: _Part,
    row: int,
    sides: tuple[Sequence[KpiEntry], Sequence[KpiEntry]],
    unknown: Mapping[str, str],
    unknown_means: Mapping[str, str],
) -> Iterator[Difference]:
    wrong = [
        (place, field, one, other)
        for place, one, other in pairs(*sides)
        if not _is_unknown(place, unknown, unknown_means)
        and (field := different_field(one, other)) is not None
    ]
    if not wrong:
        return
    partition, told = part.source.partition, part.told[row]
    operations, _ = part.seen([row])
    for (kpi, window, kind), field, one, other in wrong:
        column = PARTS.index(kind) if kind in PARTS else None
        # Of a window that we do not have, whoever told it.
        start = start_ms(window, part.now_ms) if window in WINDOWS else part.now_ms
        records = span(operations, partition, row, start, column)
        yield Difference(
            account=part.source.registry.accounts_of(partition)[row].id,
            source="kpis",
            window=window,
            figure=" ".join(word for word in (kpi, kind, "" if field == "value" else field) if word),
            live=figure(one, field),
            recomputed=figure(other, field),
            partition=partition,
            at_ms=part.now_ms,
            where=f"{told.topic}/{partition}@{told.offset}, counted from {records}",
        )
