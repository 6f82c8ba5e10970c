"""The one place that reads the wall clock. Everything else is given the time."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns the current time in epoch milliseconds, UTC."""


def wall_ms() -> int:
    """Epoch milliseconds, UTC, of the machine's clock; it may jump in both directions."""
    return time.time_ns() // 1_000_000  # noqa: TID251  # this module is the exception the rule names
