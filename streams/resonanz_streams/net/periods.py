"""What stands in the periods of each account's own calendar: today, yesterday, this week …"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from resonanz_streams.net.table import NetTable
from resonanz_streams.net_states import Flags, Ints

PERIODS: Final = ("today", "yesterday", "this_week", "last_week", "this_month")


@dataclass(frozen=True, slots=True)
class Period:
    """One period (after, until] of each account. ``counts``: its net interactions; ``known``: whether it
    begins where what stands is known."""

    name: str
    after_ms: Ints
    until_ms: Ints
    counts: Ints
    known: Flags


def periods(table: NetTable, zones: Sequence[str]) -> Sequence[Period]:
    """Those of PERIODS, in the zone of each account.

    Days begin at midnight of the zone's clock, or when the clock first shows a later time; weeks on Monday.
    """
    names = sorted(set(zones))
    number = {name: place for place, name in enumerate(names)}
    of = np.array([number[name] for name in zones], dtype=np.int64)
    edges = np.array([_edges(table.now_ms, name) for name in names], dtype=np.int64).reshape(-1, 5, 2)
    chosen = np.flatnonzero(table.interactions)
    accounts, at_ms, weights = table.accounts[chosen], table.at_ms[chosen], table.weights[chosen]
    found = []
    for place, name in enumerate(PERIODS):
        after, until = edges[of, place, 0], edges[of, place, 1]
        inside = (at_ms > after[accounts]) & (at_ms <= until[accounts])
        counts = np.zeros(table.size, dtype=np.int64)
        np.add.at(counts, accounts[inside], weights[inside])
        found.append(Period(name, after, until, counts, after + 1 >= table.begin_ms))
    return found


def _edges(now_ms: int, zone: str) -> list[tuple[int, int]]:
    """Of each period (after, until]: its first millisecond is that of midnight."""
    today = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(zone)).date()
    monday = today - timedelta(days=today.weekday())
    day, week = midnight_ms(today, zone) - 1, midnight_ms(monday, zone) - 1
    return [
        (day, now_ms),
        (midnight_ms(today - timedelta(days=1), zone) - 1, day),
        (week, now_ms),
        (midnight_ms(monday - timedelta(days=7), zone) - 1, week),
        (midnight_ms(today.replace(day=1), zone) - 1, now_ms),
    ]


def midnight_ms(day: date, zone: str) -> int:
    """When a day begins there, epoch ms; where no clock shows midnight, when it first shows a later time."""
    return int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp()) * 1000
