"""Followers over time: snapshots become a step function, whose mean over a window is F."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.kpis.base import WINDOWS_MS
from resonanz_streams.steps import Steps

HOLD_MS: Final = 48 * 3_600_000
"""A snapshot holds until the next one, at most this long."""

_KEEP_MS: Final = max(WINDOWS_MS.values()) + HOLD_MS + 3_600_000
Floats = NDArray[np.float64]


class AudienceBook:
    """Follower snapshots of n accounts. Order and repetition of snapshots change nothing."""

    def __init__(self, accounts: int) -> None:
        self._snapshots: list[dict[int, int]] = [{} for _ in range(accounts)]
        self._steps: Steps | None = None

    def add(self, row: int, at_ms: int, followers: int) -> bool:
        """Take one snapshot; True if it says something new. Of two at the same time the larger stays."""
        known = self._snapshots[row]
        if known.get(at_ms, -1) >= followers:
            return False
        newest = max(known, default=at_ms)
        if at_ms < newest - _KEEP_MS:
            return False
        known[at_ms] = followers
        if at_ms > newest and len(known) % 64 == 0:
            self._snapshots[row] = {at: people for at, people in known.items() if at >= at_ms - _KEEP_MS}
        self._steps = None
        return True

    def mean(self, now_ms: int, length_ms: Mapping[str, int]) -> dict[str, Floats]:
        """Time-weighted mean over the known part of (now − length, now]; NaN where nothing is known."""
        steps = self._steps = self._steps or Steps([_segments(known) for known in self._snapshots])
        accounts = len(self._snapshots)
        whole, known = steps.integrals(np.full(accounts, now_ms))
        means = {}
        for window, length in length_ms.items():
            before, known_before = steps.integrals(np.full(accounts, now_ms - length))
            exposure = (known - known_before).astype(np.float64)
            exposure[exposure == 0] = np.nan
            means[window] = (whole - before) / exposure
        return means

    def pack(self, row: int) -> bytes:
        """The snapshots of an account as it is stored."""
        return np.array(sorted(self._snapshots[row].items()), dtype="<i8").tobytes()

    def unpack(self, row: int, data: bytes) -> None:
        """The reverse of :meth:`pack`."""
        pairs = np.frombuffer(data, dtype="<i8").reshape(-1, 2).tolist()
        self._snapshots[row] = dict(pairs)
        self._steps = None


def _segments(known: dict[int, int]) -> list[tuple[int, int, int]]:
    times = sorted(known)
    ends = [*times[1:], times[-1] + HOLD_MS] if times else []
    return [(at, min(end - at, HOLD_MS), known[at]) for at, end in zip(times, ends, strict=True)]
