"""The one place that reads the wall clock. Everything else is given the time."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns the current time in epoch milliseconds, UTC."""


def wall_ms() -> int:
    """Epoch milliseconds, UTC, of the machine's clock; it may jump in both directions."""
    return time.time_ns() // 1_000_000  # noqa: TID251  # this module is the exception the rule names


def elapsed_ms() -> int:
    """Milliseconds since some moment, whatever is done to the wall clock."""
    return time.monotonic_ns() // 1_000_000


class SteadyClock:
    """The wall clock, but never backwards: when that is set back, time goes on by what has elapsed.

    ``ahead_ms``: by how much it is ahead of the wall clock for that reason.
    """

    def __init__(self, wall: Clock = wall_ms, elapsed: Clock = elapsed_ms) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self.follow()

    def follow(self) -> None:
        """Believe the wall clock, wherever it is."""
        self._now, self._at = self._wall(), self._elapsed()
        self.ahead_ms = 0

    def __call__(self) -> int:
        wall, at = self._wall(), self._elapsed()
        self._now = max(wall, self._now + at - self._at)
        self._at = at
        self.ahead_ms = self._now - wall
        return self._now
