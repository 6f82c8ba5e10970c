"""What people see, the newest snapshot of every account in topic ``kpis``, against the log.

Counts, peaks and followers are recomputed from the records that the snapshot says it was counted from, as of
its own time; what the KPIs make of them is the KPIs' own code. Coverage is taken from the snapshot: it comes
from heartbeats, of which only the newest are kept.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from resonanz_streams.audit_counts import counts, followers, peaks, standing, start_ms
from resonanz_streams.audit_log import Logged, taken, ways
from resonanz_streams.audit_newest import Told
from resonanz_streams.audit_report import Difference, Report
from resonanz_streams.audit_state import PARTS, plain, same, span
from resonanz_streams.events import KpiEntry, KpiSnapshot
from resonanz_streams.kpis.base import WINDOWS, Inputs
from resonanz_streams.reach import Limit, hidden
from resonanz_streams.registry import Registry
from resonanz_streams.snapshots import entries_of
from resonanz_streams.topics import INTERACTION_TOPICS

_NUMBERS: Final = ("value", "lo", "hi", "numerator", "denominator")
_SILENT: Final = "it does not say what it was counted from: an earlier version told it"
Place = tuple[str, str, str | None]


@dataclass(frozen=True, slots=True)
class Source:
    """What a partition's snapshots are recomputed from."""

    partition: int
    registry: Registry
    operations: Logged
    people: Logged


def compare_told(
    source: Source,
    told: Mapping[int, Told],
    limits: Mapping[int, tuple[Sequence[Limit], Sequence[Limit]]],
    report: Report,
) -> None:
    """Every entry of every snapshot. ``limits``: those of counts and those of followers, by time."""
    groups: dict[tuple[int, tuple[tuple[str, int], ...]], list[int]] = defaultdict(list)
    for row, one in told.items():
        if one.snapshot.read is None:
            report.leave_out("kpis", dict.fromkeys(WINDOWS, _SILENT), 1)
        else:
            groups[one.snapshot.at_ms, tuple(sorted(one.snapshot.read.items()))].append(row)
    for (now_ms, read), rows in groups.items():
        of_counts, of_people = limits[now_ms]
        starts = {window: start_ms(window, now_ms) for window in WINDOWS}
        unknown, unknown_means = hidden(of_counts, starts), hidden(of_people, starts)
        report.leave_out("kpis", unknown, len(rows))
        report.leave_out(
            "kpis", {f"{window} followers": why for window, why in unknown_means.items()}, len(rows)
        )
        variants = list(_recomputed(source, told, rows, now_ms, dict(read)))
        for place, row in enumerate(rows):
            found = [
                list(_differences(source, told[row], variant[place], unknown, unknown_means))
                for variant in variants
            ]
            report.accounts.add(source.registry.accounts_of(source.partition)[row].id)
            report.figures += sum(
                not _is_unknown((entry.kpi, entry.window, entry.part), unknown, unknown_means)
                for entry in told[row].snapshot.kpis
            )
            for difference in found[0] if all(found) else ():
                report.add(difference)


def _recomputed(
    source: Source, told: Mapping[int, Told], rows: Sequence[int], now_ms: int, read: Mapping[str, int]
) -> Iterator[list[Sequence[KpiEntry]]]:
    """The entries of these accounts, in all ways in which they may have come about."""
    operations, people = _seen(source, rows, now_ms, read)
    for way in ways(operations, people):
        yield _entries(source, told, rows, now_ms, (taken(operations, way), taken(people, way)))


def _seen(source: Source, rows: Sequence[int], now_ms: int, read: Mapping[str, int]) -> tuple[Logged, Logged]:
    """What had been read of these accounts, and had happened."""
    mine = np.zeros(1 + max(rows), dtype=np.bool_)
    mine[list(rows)] = True

    def of_these(logged: Logged, ends: Sequence[int]) -> Logged:
        known = logged.where(logged.offsets < np.array(ends, dtype=np.int64)[logged.columns])
        return known.where((known.rows < len(mine)) & mine[np.minimum(known.rows, len(mine) - 1)])

    operations = of_these(source.operations, [read.get(topic, 0) for topic in INTERACTION_TOPICS])
    return operations.where(operations.at_ms <= now_ms), of_these(source.people, [read.get("audience", 0)])


def _entries(
    source: Source,
    told: Mapping[int, Told],
    rows: Sequence[int],
    now_ms: int,
    seen: tuple[Logged, Logged],
) -> list[Sequence[KpiEntry]]:
    accounts = source.registry.accounts_of(source.partition)
    net, people, chosen = standing(seen[0]), seen[1], np.array(rows, dtype=np.intp)
    potential = [source.registry.potential_at(accounts[row].client, now_ms) for row in rows]
    inputs = Inputs(
        now_ms=now_ms,
        counts={window: sums[chosen] for window, sums in counts(net, len(accounts), now_ms).items()},
        length_ms={window: now_ms - start_ms(window, now_ms) for window in WINDOWS},
        peak_per_minute=lambda: peaks(net, len(accounts), now_ms)[chosen],
        followers={w: mean[chosen] for w, mean in followers(people, len(accounts), now_ms).items()},
        potential=np.array(potential, dtype=np.float64),
        coverage={
            window: np.array([_coverage(told[row].snapshot, window) for row in rows]) for window in WINDOWS
        },
    )
    return list(zip(*entries_of(inputs), strict=True))


def _coverage(snapshot: KpiSnapshot, window: str) -> float:
    return next((entry.coverage or 0.0 for entry in snapshot.kpis if entry.window == window), 0.0)


def _is_unknown(place: Place, unknown: Mapping[str, str], unknown_means: Mapping[str, str]) -> bool:
    kpi, window, _ = place
    return window in unknown or (window in unknown_means and "followers" in kpi)


def _differences(
    source: Source,
    told: Told,
    recomputed: Sequence[KpiEntry],
    unknown: Mapping[str, str],
    unknown_means: Mapping[str, str],
) -> Iterator[Difference]:
    row, snapshot, partition = told.row, told.snapshot, source.partition
    wrong = [
        (place, field, one, other)
        for place, one, other in _pairs(snapshot.kpis, recomputed)
        if not _is_unknown(place, unknown, unknown_means) and (field := _field(one, other)) is not None
    ]
    if not wrong:
        return
    operations, _ = _seen(source, [row], snapshot.at_ms, snapshot.read or {})
    for (kpi, window, part), field, one, other in wrong:
        column = PARTS.index(part) if part in PARTS else None
        # Of a window that we do not have, whoever told it.
        start = start_ms(window, snapshot.at_ms) if window in WINDOWS else snapshot.at_ms
        records = span(operations, partition, row, start, column)
        yield Difference(
            account=source.registry.accounts_of(partition)[row].id,
            source="kpis",
            window=window,
            figure=" ".join(word for word in (kpi, part, "" if field == "value" else field) if word),
            live=_figure(one, field),
            recomputed=_figure(other, field),
            partition=partition,
            at_ms=snapshot.at_ms,
            where=f"kpis/{partition}@{told.offset}, counted from {records}",
        )


def _figure(entry: KpiEntry | None, field: str) -> float | str | None:
    if entry is None:
        return "missing"
    value: float | str | None = getattr(entry, field)
    return value if isinstance(value, str) else plain(value)


def _pairs(
    live: Sequence[KpiEntry], recomputed: Sequence[KpiEntry]
) -> Iterator[tuple[Place, KpiEntry | None, KpiEntry | None]]:
    sides = [{(e.kpi, e.window, e.part): e for e in entries} for entries in (live, recomputed)]
    for place in dict.fromkeys((*sides[0], *sides[1])):
        yield place, sides[0].get(place), sides[1].get(place)


def _field(one: KpiEntry | None, other: KpiEntry | None) -> str | None:
    """The first field that is not the same; None if all are."""
    if one is None or other is None:
        return "value"
    numbers = (name for name in _NUMBERS if not same(getattr(one, name), getattr(other, name)))
    return next(numbers, None if one.reason == other.reason else "reason")
