"""What the sparklines are drawn from: every account's velocity over the last half hour."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

STEP_MS: Final = 5_000
KEEP: Final = 360


class Trail:
    """A ring of samples at common times: shape (accounts, KEEP), NaN where nothing was known.

    One float32 a sample: ten thousand accounts take 14 MB, however long the wall runs.
    """

    def __init__(self, accounts: Sequence[str]) -> None:
        self._rows: Mapping[str, int] = {account: row for row, account in enumerate(accounts)}
        self._values: NDArray[np.float32] = np.full((len(accounts), KEEP), np.nan, np.float32)
        self._times: NDArray[np.int64] = np.zeros(KEEP, np.int64)
        self._taken = 0

    def of_others(self, accounts: Sequence[str], without: Collection[str] = ()) -> "Trail":
        """One of other accounts; what was sampled of those in both stays, but not of ``without``."""
        other = Trail(accounts)
        other._times, other._taken = self._times, self._taken  # one of us
        for account, row in other._rows.items():
            if (place := self._rows.get(account)) is not None and account not in without:
                other._values[row] = self._values[place]
        return other

    def due(self, now_ms: int) -> bool:
        """Whether a step has passed since the last sample."""
        return self._taken == 0 or now_ms >= self._times[(self._taken - 1) % KEEP] + STEP_MS

    def sample(self, now_ms: int, velocities: Sequence[float | None]) -> None:
        """Keep what is known now, in the order of ``accounts``; the oldest sample goes."""
        place = self._taken % KEEP
        self._times[place] = now_ms
        self._values[:, place] = np.array(velocities, np.float32)  # None becomes NaN
        self._taken += 1

    def times_ms(self) -> list[int]:
        """When the samples were taken, oldest first."""
        return [int(it) for it in self._times[self._places()]]

    def of(self, account: str) -> list[float | None]:
        """One account's velocities at ``times_ms``."""
        return _readable(self._values[self._rows[account], self._places()])

    def total(self, accounts: Sequence[str]) -> list[float | None]:
        """The sum over those accounts that were known at each time; None where none was."""
        rows = self._values[[self._rows[account] for account in accounts]][:, self._places()]
        known = ~np.isnan(rows)
        return _readable(np.where(known.any(axis=0), np.where(known, rows, 0).sum(axis=0), np.nan))

    def _places(self) -> NDArray[np.int64]:
        first = max(0, self._taken - KEEP)
        return np.arange(first, self._taken, dtype=np.int64) % KEEP


def _readable(values: NDArray[np.float32]) -> list[float | None]:
    return [None if np.isnan(it) else round(float(it), 3) for it in values]
