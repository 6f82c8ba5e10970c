"""Step functions of time for many accounts at once, integrated exactly in whole milliseconds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_TIME_BITS = 43
"""Epoch milliseconds below 2**43 (year 2248); the account's row stands above them in a sort key."""


class Steps:
    """Per account disjoint segments [start, start + length) with a value, sorted by start.

    ``value`` times the total length of an account's segments must stay below 2**63.
    """

    def __init__(self, segments: Sequence[Sequence[tuple[int, int, int]]]) -> None:
        rows = np.repeat(np.arange(len(segments), dtype=np.int64), [len(part) for part in segments])
        flat = np.array([step for part in segments for step in part], dtype=np.int64).reshape(-1, 3)
        self._start, self._length, value = flat[:, 0], flat[:, 1], flat[:, 2]
        self._value = value
        self._key = (rows << _TIME_BITS) + self._start
        self._first = np.searchsorted(self._key, np.arange(len(segments), dtype=np.int64) << _TIME_BITS)
        # Sums run over all accounts; only differences inside one account are used, and int64 wraps evenly.
        self._lengths_before = np.concatenate(([0], np.cumsum(self._length)))
        self._values_before = np.concatenate(([0], np.cumsum(self._length * value)))

    def integrals(self, until: Ints) -> tuple[Ints, Ints]:
        """For each account, ∫ value and ∫ 1 over its segments up to ``until[row]``, in value·ms and ms."""
        rows = np.arange(len(until), dtype=np.int64)
        place = np.searchsorted(self._key, (rows << _TIME_BITS) + until, side="right") - 1
        inside = place >= self._first
        if not len(self._start):
            return np.zeros_like(until), np.zeros_like(until)
        last = np.where(inside, place, 0)
        part = np.where(inside, np.minimum(until - self._start[last], self._length[last]), 0)
        first = self._first
        lengths = np.where(inside, self._lengths_before[last] - self._lengths_before[first], 0) + part
        values = (
            np.where(inside, self._values_before[last] - self._values_before[first], 0)
            + part * self._value[last]
        )
        return values, lengths
