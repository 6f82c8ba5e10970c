"""Entries of KPIs side by side: what was told, and what it should have been."""

from collections.abc import Iterator, Sequence
from typing import Final

from resonanz_streams.audit_state import plain, same
from resonanz_streams.events import KpiEntry

_NUMBERS: Final = ("value", "lo", "hi", "numerator", "denominator")
Place = tuple[str, str, str | None]
"""KPI, window, part."""


def figure(entry: KpiEntry | None, field: str) -> float | str | None:
    """A field as a report tells it."""
    if entry is None:
        return "missing"
    value: float | str | None = getattr(entry, field)
    return value if isinstance(value, str) else plain(value)


def pairs(
    live: Sequence[KpiEntry], recomputed: Sequence[KpiEntry]
) -> Iterator[tuple[Place, KpiEntry | None, KpiEntry | None]]:
    """The entries of both sides by place; None where one has none."""
    sides = [{(e.kpi, e.window, e.part): e for e in entries} for entries in (live, recomputed)]
    for place in dict.fromkeys((*sides[0], *sides[1])):
        yield place, sides[0].get(place), sides[1].get(place)


def different_field(one: KpiEntry | None, other: KpiEntry | None) -> str | None:
    """The first field that is not the same; None if all are."""
    if one is None or other is None:
        return "value"
    numbers = (name for name in _NUMBERS if not same(getattr(one, name), getattr(other, name)))
    return next(numbers, None if one.reason == other.reason else "reason")
