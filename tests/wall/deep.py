"""Snapshots with deep KPIs over a week, as a worker writes them some seconds after the counts."""

from collections.abc import Sequence

import msgspec
from tests.wall.figures import deep_record, record

from resonanz_streams.events import KpiEntry, KpiSnapshot
from resonanz_streams.transports.ports import Record

WEEK = "7d"


def with_deep(shot: KpiSnapshot, entries: Sequence[KpiEntry], at_ms: int | None = None) -> list[Record]:
    """The records of a snapshot and of these entries, computed at ``at_ms`` or when the counts were."""
    deep = msgspec.structs.replace(shot, kpis=entries, at_ms=shot.at_ms if at_ms is None else at_ms)
    return [record(shot), deep_record(deep)]


def share(kpi: str, part: str | None, chosen: float, whole: float, interval: tuple[float, float]) -> KpiEntry:
    """A part of a whole, with the interval given."""
    lo, hi = interval
    return KpiEntry(kpi, WEEK, part, chosen / whole, lo, hi, chosen, whole, 1.0, None)


def number(kpi: str, part: str | None, value: float, whole: float | None = None) -> KpiEntry:
    """A number without an interval; it is its own numerator."""
    return KpiEntry(kpi, WEEK, part, value, None, None, value, whole, 1.0, None)


def absent(kpi: str, reason: str) -> KpiEntry:
    """No value, and why."""
    return KpiEntry(kpi, WEEK, None, coverage=1.0, reason=reason)


def post(name: str, interactions: float, expected: float) -> KpiEntry:
    """A post behind the numbers; its interval is a tenth around."""
    times = interactions / expected
    edges = (times * 0.9, times * 1.1)
    return KpiEntry("over_performance", WEEK, f"post:{name}", times, *edges, interactions, expected, 1.0)


def dialogue(answered: int, whole: int, waiting: int, late: int) -> list[KpiEntry]:
    """Answers, and who waits; intervals as a worker has them are not needed here."""
    rate = answered / whole
    return [
        share("response_rate", None, answered, whole, (rate * 0.8, min(1.0, rate * 1.1))),
        number("backlog", None, waiting, whole + waiting),
        number("backlog", "oldest_age", 36_000, whole + waiting),
        number("backlog", "sla_breaches", late, whole + waiting),
    ]
