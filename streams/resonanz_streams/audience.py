"""Followers over time: snapshots become a step function, whose mean over a window is F."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.errors import RECOUNT, StopError
from resonanz_streams.kpis.base import WINDOWS_MS
from resonanz_streams.steps import Steps

HOLD_MS: Final = 48 * 3_600_000
"""A snapshot holds until the next one, at most this long."""

MAX_SNAPSHOTS: Final = 40_000
"""Of one account: one a minute for 27 days. More would not fit into the row that stores them."""

_RESOLUTION_MS: Final = 3_600_000
_KEEP_MS: Final = max(WINDOWS_MS.values()) + _RESOLUTION_MS + HOLD_MS
_LONG_AGO: Final = -(2**62)
Floats = NDArray[np.float64]


class AudienceBook:
    """Follower snapshots of n accounts. Order and repetition of snapshots change nothing."""

    def __init__(self, accounts: int) -> None:
        # Flat arrays: 16 bytes a snapshot, and the steps are built without a loop over them.
        self._times = [array("q") for _ in range(accounts)]
        self._people = [array("q") for _ in range(accounts)]
        self._steps: Steps | None = None
        self._floor_ms = _LONG_AGO
        self._swept_ms = _LONG_AGO

    def add(self, row: int, at_ms: int, followers: int) -> bool:
        """Take one snapshot; True if it says something new. Of two at the same time the larger stays."""
        times, people = self._times[row], self._people[row]
        place = bisect_left(times, at_ms)
        if place < len(times) and times[place] == at_ms:
            if people[place] >= followers:
                return False
            people[place] = followers
        elif self.is_late(at_ms):
            return False
        else:
            times.insert(place, at_ms)
            people.insert(place, followers)
            self._drop(row, max(0, len(times) - MAX_SNAPSHOTS))
        self._steps = None
        return True

    def is_late(self, at_ms: int) -> bool:
        """Whether a snapshot of this time holds in no window any more."""
        return at_ms < self._floor_ms

    def forget(self, now_ms: int) -> None:
        """Let go what holds in no window that ends at ``now_ms`` or later."""
        self._floor_ms = max(self._floor_ms, now_ms - _KEEP_MS)
        if self._floor_ms - self._swept_ms < _RESOLUTION_MS:
            return
        self._swept_ms = self._floor_ms
        for row, times in enumerate(self._times):
            self._drop(row, bisect_left(times, self._floor_ms))

    def _drop(self, row: int, oldest: int) -> None:
        if oldest:
            del self._times[row][:oldest], self._people[row][:oldest]
            self._steps = None

    def mean(self, now_ms: int, length_ms: Mapping[str, int]) -> dict[str, Floats]:
        """Time-weighted mean over the known part of (now − length, now]; NaN where nothing is known."""
        steps = self._steps = self._steps or self._build()
        accounts = len(self._times)
        whole, known = steps.integrals(np.full(accounts, now_ms))
        means = {}
        for window, length in length_ms.items():
            before, known_before = steps.integrals(np.full(accounts, now_ms - length))
            exposure = (known - known_before).astype(np.float64)
            exposure[exposure == 0] = np.nan
            means[window] = (whole - before) / exposure
        return means

    def at(self) -> Callable[[NDArray[np.int64], NDArray[np.int64]], Floats]:
        """A function of account rows and times: the followers they had then, NaN where nobody knows.

        As of now, whatever comes later.
        """
        steps = self._steps = self._steps or self._build()
        return steps.at

    def _build(self) -> Steps:
        """Each snapshot holds until the account's next one, at most HOLD_MS."""
        sizes = [len(times) for times in self._times]
        start, people = _flat(self._times), _flat(self._people)
        length = np.full(len(start), HOLD_MS, dtype=np.int64)
        length[:-1] = np.minimum(np.diff(start), HOLD_MS)
        lasts = np.cumsum(sizes, dtype=np.int64) - 1
        length[lasts[np.array(sizes, dtype=np.int64) > 0]] = HOLD_MS
        return Steps(sizes, start, length, people)

    def pack(self, row: int) -> bytes:
        """The snapshots of an account as it is stored."""
        pairs = np.stack((_flat(self._times[row : row + 1]), _flat(self._people[row : row + 1])), axis=1)
        return pairs.astype("<i8").tobytes()

    def unpack(self, row: int, data: bytes, name: str) -> None:
        """The reverse of :meth:`pack`. ``name``: the account's.

        Raises:
            StopError: it is no such row.
        """
        try:
            pairs = np.frombuffer(data, dtype="<i8").reshape(-1, 2).astype(np.int64)
        except ValueError:
            raise StopError(f"the followers of {name} cannot be read; {RECOUNT}") from None
        self._times[row] = array("q", pairs[:, 0].tobytes())
        self._people[row] = array("q", pairs[:, 1].tobytes())
        self._steps = None


def _flat(parts: list["array[int]"]) -> NDArray[np.int64]:
    """One after the other, copied: an array that lends its memory could not grow."""
    return np.frombuffer(b"".join(parts), dtype=np.int64)
