"""Step functions of time for many accounts at once, integrated exactly in whole milliseconds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_TIME_BITS = 43
LAST_MS = 2**_TIME_BITS - 1
"""Times are from 0 to here (year 2248); the account's row stands above them in a sort key."""


class Steps:
    """Per account disjoint segments [start, start + length) with a value, sorted by start.

    ``sizes``: how many segments each account has; the other arrays hold those of all accounts, one after
    the other. Starts lie between 0 and LAST_MS, ``value`` times the length of a window below 2**63.
    """

    def __init__(self, sizes: Sequence[int], start: Ints, length: Ints, value: Ints) -> None:
        rows = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
        self._start, self._length, self._value = start, length, value
        self._key = (rows << _TIME_BITS) + start
        self._first = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))[: len(sizes)]
        # Sums run over all accounts; only differences inside one account are used, and int64 wraps evenly.
        self._lengths_before = np.concatenate(([0], np.cumsum(length)))
        self._values_before = np.concatenate(([0], np.cumsum(length * value)))

    def at(self, rows: Ints, at_ms: Ints) -> NDArray[np.float64]:
        """The value at a time, for any accounts as often as wanted; NaN between segments."""
        if not len(self._start):
            return np.full(len(rows), np.nan)
        times = np.clip(at_ms, 0, LAST_MS)
        place = np.searchsorted(self._key, (rows << _TIME_BITS) + times, side="right") - 1
        last = np.maximum(place, 0)
        inside = (place >= self._first[rows]) & (times < self._start[last] + self._length[last])
        return np.where(inside, self._value[last], np.nan)

    def integrals(self, until: Ints) -> tuple[Ints, Ints]:
        """For each account, ∫ value and ∫ 1 over its segments up to ``until[row]``, in value·ms and ms."""
        if not len(self._start):
            return np.zeros_like(until), np.zeros_like(until)
        until = np.minimum(until, LAST_MS)  # beyond it a time would be another account's
        rows = np.arange(len(until), dtype=np.int64)
        place = np.searchsorted(self._key, (rows << _TIME_BITS) + until, side="right") - 1
        inside = place >= self._first
        last = np.where(inside, place, 0)
        part = np.where(inside, np.minimum(until - self._start[last], self._length[last]), 0)
        first = np.where(inside, self._first, 0)
        lengths = self._lengths_before[last] - self._lengths_before[first] + part
        values = self._values_before[last] - self._values_before[first] + part * self._value[last]
        return values, lengths
