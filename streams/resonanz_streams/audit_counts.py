"""Counting once more, from sorted columns: nothing of the ledger, the windows or the audience book is used.

A window (start, now] begins at now less its length, rounded down to 10 s (up to 1 h), 5 min (24 h) or 1 h.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.audience import HOLD_MS, MAX_SNAPSHOTS
from resonanz_streams.audit_log import IMPRESSIONS, REACH, Logged
from resonanz_streams.audit_log import POST as OF_POST
from resonanz_streams.details import Facets
from resonanz_streams.kpis.base import POST, REMOVED, WINDOWS, WINDOWS_MS
from resonanz_streams.net.table import Known, NetTable, net_table
from resonanz_streams.net_states import States

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_GRAINS_MS: Final = {**dict.fromkeys(WINDOWS, 10_000), "24h": 300_000, "7d": 3_600_000, "28d": 3_600_000}
_NEVER: Final = -(2**62)
_TIME_BITS: Final = 43
"""Times are below 2**43 (year 2248), accounts stand above them."""


def start_ms(window: str, now_ms: int) -> int:
    """Where a window that ends at ``now_ms`` begins, exclusive."""
    grain = _GRAINS_MS[window]
    return (now_ms - WINDOWS_MS[window]) // grain * grain


@dataclass(frozen=True, slots=True)
class Standing:
    """The newest addition of every key that has one: its account row, time, weight, its kind or REMOVED where
    a removal is as new or newer, the key, and the details. Posts that were removed are left out."""

    rows: Ints
    columns: Ints
    at_ms: Ints
    weights: Ints
    keys: NDArray[np.uint64]
    details: NDArray[np.uint64]

    def of(self, row: int) -> "Standing":
        """Those of one account."""
        mine = self.rows == row
        return Standing(
            self.rows[mine],
            self.columns[mine],
            self.at_ms[mine],
            self.weights[mine],
            self.keys[mine],
            self.details[mine],
        )


def standing(logged: Logged) -> Standing:
    """The net state of operations, all of which count."""
    keys, removal = logged.keys, logged.removal
    ends = np.ones(len(keys), dtype=np.bool_)
    ends[:-1] = (keys[1:] != keys[:-1]) | (removal[1:] != removal[:-1])
    newest = logged.where(ends)
    added = np.flatnonzero(~newest.removal)
    # A key's removals stand behind its additions.
    after = np.minimum(added + 1, len(newest) - 1)
    undone = newest.removal[after] & (newest.keys[after] == newest.keys[added])
    removed = np.where(undone, newest.at_ms[after], _NEVER)
    stands = newest.at_ms[added] > removed
    kept = stands | (newest.columns[added] != POST)
    added, stands = added[kept], stands[kept]
    return Standing(
        newest.rows[added],
        np.where(stands, newest.columns[added], REMOVED).astype(np.int64),
        newest.at_ms[added],
        newest.weights[added],
        newest.keys[added],
        newest.details[added],
    )


def table(net: Standing, facets: Facets, accounts: int, now_ms: int, known: Known) -> NetTable:
    """What stands, as the deep KPIs want it; ``known``: reach and impressions."""
    undone = np.where(net.columns == REMOVED, net.at_ms, _NEVER)
    states = States(net.at_ms, net.weights, undone, net.details)
    begin_ms = start_ms(WINDOWS[-1], now_ms) + 1
    return net_table(net.keys, states, facets.table(), accounts, now_ms, begin_ms=begin_ms, known=known)


def followers_at(people: Logged) -> Callable[[Ints, Ints], Floats]:
    """A function of account rows and times: the newest snapshot then, if it is not older than 48 h."""
    rows, at_ms, value = _snapshots(people)
    order = (rows << _TIME_BITS) + at_ms

    def known(accounts: Ints, times: Ints) -> Floats:
        if not len(rows):
            return np.full(len(accounts), np.nan)
        place = np.searchsorted(order, (accounts << _TIME_BITS) + times, side="right") - 1
        last = np.maximum(place, 0)
        holds = (place >= 0) & (rows[last] == accounts) & (at_ms[last] > times - HOLD_MS)
        return np.where(holds, value[last], np.nan)

    return known


def insights(people: Logged, now_ms: int) -> Known:
    """A function of account rows and posts: the newest reach and impressions, of equal times the largest."""
    since = (people.at_ms > start_ms(WINDOWS[-1], now_ms)) & (people.at_ms <= now_ms)
    told = people.where(since & (people.details[:, OF_POST] > 0))
    found = [_newest_of_posts(told, column) for column in (REACH, IMPRESSIONS)]

    def known(rows: Ints, posts: NDArray[np.uint64]) -> tuple[Floats, Floats]:
        wanted = list(zip(rows.tolist(), posts.tolist(), strict=True))
        reach, impressions = (np.array([of.get(one, np.nan) for one in wanted], np.float64) for of in found)
        return reach, impressions

    return known


def _newest_of_posts(told: Logged, column: int) -> dict[tuple[int, int], int]:
    value = told.details[:, column].astype(np.int64) - 1
    order = np.lexsort((value, told.at_ms))
    order = order[value[order] >= 0]
    # Of equal keys a dictionary keeps the last.
    places = zip(told.rows[order].tolist(), told.details[order, OF_POST].tolist(), strict=True)
    return dict(zip(places, value[order].tolist(), strict=True))


def counts(net: Standing, accounts: int, now_ms: int) -> dict[str, Ints]:
    """Per window: net likes, comments, shares, posts and interactions since removed, of every account."""
    found = {}
    for window in WINDOWS:
        inside = (net.at_ms > start_ms(window, now_ms)) & (net.at_ms <= now_ms)
        sums = np.zeros((accounts, REMOVED + 1), dtype=np.int64)
        np.add.at(sums, (net.rows[inside], net.columns[inside]), net.weights[inside])
        found[window] = sums
    return found


def peaks(net: Standing, accounts: int, now_ms: int) -> Floats:
    """The busiest 5 min bucket of the last 24 h, in interactions a minute."""
    grain = _GRAINS_MS["24h"]
    inside = (net.at_ms > start_ms("24h", now_ms)) & (net.at_ms <= now_ms) & (net.columns < POST)
    rows, buckets = net.rows[inside], -(-net.at_ms[inside] // grain)
    spots, place = np.unique(np.stack((rows, buckets)), axis=1, return_inverse=True)
    sums = np.zeros(spots.shape[1], dtype=np.int64)
    np.add.at(sums, place.reshape(-1), net.weights[inside])
    busiest = np.zeros(accounts, dtype=np.int64)
    np.maximum.at(busiest, spots[0], sums)
    return busiest / (grain / 60_000)


def followers(people: Logged, accounts: int, now_ms: int) -> Mapping[str, Floats]:
    """Per window the time-weighted mean where followers are known; NaN where they are not at all."""
    rows, at_ms, value = _snapshots(people)
    until = at_ms + HOLD_MS
    same = rows[1:] == rows[:-1]
    until[:-1][same] = np.minimum(until[:-1][same], at_ms[1:][same])
    found = {}
    for window in WINDOWS:
        known = np.minimum(until, now_ms) - np.maximum(at_ms, start_ms(window, now_ms))
        known = np.maximum(known, 0)
        whole, exposure = np.zeros(accounts, dtype=np.int64), np.zeros(accounts, dtype=np.int64)
        np.add.at(whole, rows, known * value)
        np.add.at(exposure, rows, known)
        found[window] = whole / np.where(exposure > 0, exposure, np.nan)
    return found


def _snapshots(people: Logged) -> tuple[Ints, Ints, Ints]:
    """One per account and time, of equal times the largest; of an account the newest that are kept."""
    rows, at_ms = people.rows, people.at_ms
    last = np.ones(len(rows), dtype=np.bool_)
    last[:-1] = (rows[1:] != rows[:-1]) | (at_ms[1:] != at_ms[:-1])
    rows, at_ms, value = rows[last], at_ms[last], people.weights[last]
    ends = np.searchsorted(rows, rows, side="right")
    kept = ends - np.arange(len(rows)) <= MAX_SNAPSHOTS
    return rows[kept], at_ms[kept], value[kept]
