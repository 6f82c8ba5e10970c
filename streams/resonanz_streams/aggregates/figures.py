"""The figures of groups of accounts."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from resonanz_streams.actors import Number
from resonanz_streams.aggregates.members import Group, Member, Place, Wants
from resonanz_streams.aggregates.sums import Sum, merge_of, nothing, summed
from resonanz_streams.events import KpiEntry
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import REASONS, WINDOWS, Column, Floats, Kpi, Merge
from resonanz_streams.kpis.columns import (
    NEGATIVE,
    NONE,
    NOT_MERGEABLE,
    Reasons,
    count_column,
    rate_column,
    share_column,
)

_PER: Final = {"per_1000": 1000.0}


class Aggregate(KpiEntry, gc=False):
    """A figure of several accounts, ``accounts`` of which have entered; theirs are of ``at_ms`` or later."""

    accounts: int = 0
    at_ms: int | None = None


def everything(_: str, __: str) -> bool:
    """All KPIs and windows."""
    return True


def aggregates(
    groups: Sequence[Sequence[Member]],
    wants: Wants = everything,
    kpis: Sequence[Kpi] = KPIS,
) -> list[list[Aggregate]]:
    """The figures of each group, of the KPIs and windows that are wanted, in the catalogue's order."""
    known = {kpi.id: kpi for kpi in kpis}
    together = [Group(members, wants) for members in groups]
    asked = [dict.fromkeys(group.places(known)) for group in together]
    found: list[list[Aggregate]] = [[] for _ in groups]
    for place in _in_order({place: None for places in asked for place in places}, list(known)):
        rows = [row for row, places in enumerate(asked) if place in places]
        single = [row for row in rows if len(together[row]) == 1]
        for row in single:
            found[row].append(_own(place, together[row]))
        several = [row for row in rows if len(together[row]) > 1]
        kpi = known.get(place.kpi)
        sums = [
            nothing(place, together[row], "not_mergeable")
            if kpi is None
            else summed(kpi, place, together[row])
            for row in several
        ]
        for row, entry in zip(several, _entries(kpi, place, sums), strict=True):
            found[row].append(entry)
    return found


def _in_order(places: Mapping[Place, None], kpis: Sequence[str]) -> list[Place]:
    order = {kpi: number for number, kpi in enumerate(kpis)}
    windows = {window: number for number, window in enumerate(WINDOWS)}
    # Stable: the parts stay as they came.
    return sorted(
        places, key=lambda it: (order.get(it.kpi, len(order)), it.kpi, windows.get(it.window, len(windows)))
    )


def _own(place: Place, group: Group) -> Aggregate:
    """What the only account of a group says."""
    if not group.told:
        return _null(place, Sum(0, reason="not_covered"))
    told = group.told[0]
    it, at_ms = told.parts(place)[place.part], told.at_ms[place.kpi, place.window]
    numbers = (it.value, it.lo, it.hi, it.numerator, it.denominator, it.coverage)
    return Aggregate(*place, *numbers, it.reason, int(it.value is not None), at_ms)


def _null(place: Place, absent: Sum) -> Aggregate:
    return Aggregate(*place, coverage=absent.coverage, reason=absent.reason)


def _entries(kpi: Kpi | None, place: Place, sums: Sequence[Sum]) -> list[Aggregate]:
    found = [_null(place, one) for one in sums]
    rows = [row for row, one in enumerate(sums) if one.accounts]
    merge = None if kpi is None else merge_of(kpi, place.part)
    if not rows or kpi is None or merge is None:
        return found
    of_rows = [sums[row] for row in rows]
    column = _column(merge, _PER.get(kpi.unit, 1.0), of_rows)
    numbers = (column.value, column.lo, column.hi, column.numerator, column.denominator)
    for row, one, values, code in zip(
        rows, of_rows, np.stack(numbers, axis=1).tolist(), column.reason.tolist(), strict=True
    ):
        value, lo, hi, above, below = (None if np.isnan(it) else it for it in values)
        reason = REASONS[code] or None
        found[row] = Aggregate(
            *place, value, lo, hi, above, below, one.coverage, reason, one.accounts, one.at_ms
        )
    return found


def _column(merge: Merge, per: float, sums: Sequence[Sum]) -> Column:
    """The figures that these sums make, none of which is empty."""
    numerator = np.array([one.numerator for one in sums], dtype=np.float64)
    denominator = np.array([one.denominator for one in sums], dtype=np.float64)
    missing: Reasons = np.array([REASONS.index(one.reason) for one in sums], dtype=np.uint8)
    entered = np.ones(len(sums), dtype=np.bool_)
    if merge == "count":
        return count_column(None, numerator.astype(np.int64), entered)
    if merge in {"rate", "potential", "time"}:
        return rate_column(numerator.astype(np.int64), denominator, per, entered, missing=missing)
    if merge == "people":
        return _of_people(per, sums, denominator, missing)
    if merge in {"share", "targets"}:
        return share_column(None, numerator, denominator, missing=missing)
    return _plain(numerator, denominator, per if merge == "mean" else None, sums, missing)


def _of_people(per: float, sums: Sequence[Sum], denominator: Floats, missing: Reasons) -> Column:
    """Garwood's interval, from the least to the most people that it may have been."""
    entered = np.ones(len(sums), dtype=np.bool_)

    def rate(counts: Sequence[int]) -> Column:
        return rate_column(np.array(counts, np.int64), denominator, per, entered, missing=missing)

    people = [one.people or Number(0, 0, 0) for one in sums]
    least, most = rate([one.lo for one in people]), rate([one.hi for one in people])
    middle = rate([one.value for one in people])
    return Column(None, middle.value, least.lo, most.hi, middle.numerator, middle.denominator, middle.reason)


def _plain(
    numerator: Floats, denominator: Floats, per: float | None, sums: Sequence[Sum], missing: Reasons
) -> Column:
    """A sum, or with ``per`` a mean, without an interval, also where the accounts have one."""
    none = np.full(len(sums), np.nan)
    usable = np.where(denominator > 0, denominator, np.nan)
    value = numerator if per is None else per * numerator / usable
    lost = np.where([one.interval for one in sums], NOT_MERGEABLE, NONE)
    reason = np.where(denominator < 0, NEGATIVE, np.where(np.isnan(value), missing, lost)).astype(np.uint8)
    return Column(None, value, none, none, numerator, denominator if per is None else usable, reason)
