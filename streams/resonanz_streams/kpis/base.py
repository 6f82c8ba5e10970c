"""What a KPI is given and what it gives: columns over the accounts of a partition."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WINDOWS_MS: Final[dict[str, int]] = {
    "1m": 60_000,
    "5m": 300_000,
    "15m": 900_000,
    "1h": 3_600_000,
    "24h": 86_400_000,
    "7d": 7 * 86_400_000,
    "28d": 28 * 86_400_000,
}
WINDOWS: Final = tuple(WINDOWS_MS)

REASONS: Final = ("", "no_followers", "no_potential", "not_covered", "negative_count")
"""Why a value or its interval is null; a column holds indices into this tuple, 0 for none."""

LIKE, COMMENT, SHARE, REMOVED = range(4)
"""Columns of ``Inputs.counts``: net likes, comments, shares; and additions since removed, all kinds."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that the KPIs of n accounts are computed from, as of ``now_ms``; axis 0 is always the account.

    ``counts[w]``: shape (n, 4), see the column names above; own actors are left out.
    ``length_ms[w]``: the window's real length, never shorter than its name.
    ``peak_per_minute``: the busiest 5 min bucket of the last 24 h, in interactions a minute.
    ``followers[w]``: time-weighted mean over the part of the window in which they are known; NaN if none.
    ``potential``: people the account's client could reach, at ``now_ms``; NaN if unknown.
    ``coverage[w]``: 0 to 1, the share of the window that was watched completely.
    """

    now_ms: int
    counts: Mapping[str, Ints]
    length_ms: Mapping[str, int]
    peak_per_minute: Callable[[], Floats]
    followers: Mapping[str, Floats]
    potential: Floats
    coverage: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Column:
    """One part of a KPI over one window, for n accounts. NaN means null; ``reason`` says why."""

    part: str | None
    value: Floats
    lo: Floats
    hi: Floats
    numerator: Floats
    denominator: Floats
    reason: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Kpi:
    """A KPI: its id (the module's name), unit, help text, windows, and the function that computes it.

    ``unit`` is the suffix of its metric name, "" for counts.
    ``compute(inputs, window)`` is pure: same inputs, same columns, bit for bit.
    """

    id: str
    unit: Literal["", "per_minute", "per_1000", "ratio", "seconds"]
    help: str
    windows: Sequence[str]
    compute: Callable[[Inputs, str], Sequence[Column]]
