"""A figure explained: all that a person with a pocket calculator needs to come to it."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from resonanz_streams.events import KpiEntry, KpiSnapshot
from resonanz_streams.intervals import poisson_interval
from resonanz_streams.kpis import weighted_interactions
from resonanz_streams.kpis.base import WHY, Kpi
from resonanz_streams.windows import old_edge_ms

_SYMBOL: Final = re.compile(r"\b[ILCS]\b")
_PARTS: Final = {"I": None, "L": "like", "C": "comment", "S": "share"}
"""What formulas call the parts of the KPI interactions."""

_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Explained:
    """One entry of a snapshot. ``means``: what the KPI, or its part, is. ``put_in``: the formula with its
    numbers, ``interval_put_in``: the interval's; "" where numerator and denominator do not give it.

    It is of what happened later than ``from_ms`` (None: in the time that the KPI or its part names), up to
    ``at_ms``, counted from the log up to the offsets ``read``. ``why``: the reason, as a sentence.
    """

    account: str
    client: str
    kpi: str
    window: str
    part: str | None
    means: str
    unit: str
    formula: str
    value: float | None
    lo: float | None
    hi: float | None
    put_in: str
    numerator: float | None
    numerator_is: str
    denominator: float | None
    denominator_is: str
    interval: str
    interval_put_in: str
    coverage: float | None
    reason: str | None
    why: str
    from_ms: int | None
    at_ms: int
    read: Mapping[str, int]


def explained(kpi: Kpi, snapshot: KpiSnapshot, windows: Sequence[str]) -> Iterator[Explained]:
    """Every entry of this KPI over these windows, in the snapshot's order."""
    for entry in snapshot.kpis:
        if entry.kpi != kpi.id or entry.window not in windows:
            continue
        yield Explained(
            account=snapshot.account,
            client=snapshot.client,
            kpi=kpi.id,
            window=entry.window,
            part=entry.part,
            means=kpi.help.rstrip(".") if entry.part is None else kpi.means(entry.part),
            unit=kpi.unit,
            formula=kpi.formula,
            value=entry.value,
            lo=entry.lo,
            hi=entry.hi,
            put_in=_put_in(kpi, entry, snapshot),
            numerator=entry.numerator,
            numerator_is=kpi.numerator,
            denominator=entry.denominator,
            denominator_is=kpi.denominator,
            interval=kpi.interval if entry.lo is not None else "",
            interval_put_in=_interval(kpi, entry),
            coverage=entry.coverage,
            reason=entry.reason,
            why=WHY.get(entry.reason or "", ""),
            from_ms=None if kpi.own_coverage else old_edge_ms(entry.window, snapshot.at_ms),
            at_ms=snapshot.at_ms,
            read=snapshot.read or {},
        )


def as_weighed(kpi: Kpi, weights: Sequence[float]) -> Kpi:
    """The KPI of a client with these weights: its formula has them."""
    weighs = kpi.id == weighted_interactions.KPI.id
    return replace(kpi, formula=weighted_interactions.formula(weights)) if weighs else kpi


def number(value: float) -> str:
    """As one types it into a calculator: whole numbers whole, others with six digits at least."""
    if value == int(value):
        return f"{value:.0f}"
    if abs(value) >= 1000:
        return f"{value:.3f}"
    return np.format_float_positional(value, precision=6, unique=False, fractional=False, trim="-")


def _factor(kpi: Kpi) -> float:
    return 1000.0 if kpi.unit == "per_1000" else 1.0


def _times(kpi: Kpi) -> str:
    return "1000 · " if kpi.unit == "per_1000" else ""


def _is_quotient(kpi: Kpi, entry: KpiEntry) -> bool:
    """Whether these numbers give that value, as the KPI says of itself."""
    if kpi.shape != "quotient" or None in {entry.value, entry.numerator} or not entry.denominator:
        return False
    assert entry.numerator is not None  # noqa: S101  # said above
    assert entry.value is not None  # noqa: S101  # said above
    return math.isclose(
        entry.value, _factor(kpi) * entry.numerator / entry.denominator, rel_tol=_ROUNDING, abs_tol=_ROUNDING
    )


def _put_in(kpi: Kpi, entry: KpiEntry, snapshot: KpiSnapshot) -> str:
    if entry.value is None:
        return ""
    value = number(entry.value)
    if _is_quotient(kpi, entry):
        return f"{_times(kpi)}{number(entry.numerator or 0)} / {number(entry.denominator or 0)} = {value}"
    if kpi.shape != "total" or entry.part is not None:
        return ""
    counts = {
        one.part: one.value
        for one in snapshot.kpis
        if (one.kpi, one.window) == ("interactions", entry.window) and one.value is not None
    }
    term = kpi.formula.rpartition(" = ")[2]
    needed = set(_SYMBOL.findall(term))
    if not needed or any(_PARTS[symbol] not in counts for symbol in needed):
        return ""
    return _SYMBOL.sub(lambda found: number(counts[_PARTS[found[0]]]), term) + f" = {value}"


def _interval(kpi: Kpi, entry: KpiEntry) -> str:
    """How the interval comes about, of those that numerator and denominator give."""
    if entry.lo is None or entry.hi is None or entry.numerator is None:
        return ""
    if kpi.interval == "Wilson" and _is_quotient(kpi, entry):
        return (
            "(p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n) with "
            f"p = {number(entry.value or 0)}, n = {number(entry.denominator or 0)}, z = 1.96"
        )
    count = entry.numerator
    if kpi.interval != "Garwood" or count != int(count) or count < 0:
        return ""
    bounds = [float(edge[0]) for edge in poisson_interval(np.array([int(count)]))]
    low = f"χ²(0.025; {2 * count:.0f}) / 2" if count else "0"
    of_count = f"{low} = {number(bounds[0])}" if count else low
    shown = f"{of_count} and χ²(0.975; {2 * count + 2:.0f}) / 2 = {number(bounds[1])}"
    if not _is_quotient(kpi, entry):
        return shown
    edges = (
        f"{_times(kpi)}{number(bound)} / {number(entry.denominator or 0)} = {number(edge)}"
        for bound, edge in zip(bounds, (entry.lo, entry.hi), strict=True)
    )
    return f"{shown}; {' and '.join(edges)}"
