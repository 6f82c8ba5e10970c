"""The end of a backlog: what was behind becomes durable and is shown at once, not when the tick is over."""

import time
from collections.abc import Callable
from typing import Final

MANY_BYTES: Final = 10_000_000
"""Of the records of a tick and the one before: about 50,000 events. Fewer are everyday flow, for which the
tick is soon enough."""

LULL_SECONDS: Final = 0.05
"""After so long without a run everything has been read."""


class Backlog:
    """Whether much was counted of late, not all flushed, and no more come. ``clock``: seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before = self._bytes = 0
        self._at = 0.0

    def counted(self, size: int) -> None:
        """A run of so many bytes was counted."""
        self._bytes += size
        self._at = self._clock()

    def _is_long(self) -> bool:
        return self._before + self._bytes >= MANY_BYTES

    def is_over(self) -> bool:
        """Whether all of it has been counted, and some not flushed."""
        return self._is_long() and self._bytes > 0 and self._clock() - self._at >= LULL_SECONDS

    def look_seconds(self) -> float:
        """After how long to ask again."""
        return LULL_SECONDS if self._is_long() else 0.25

    def begin(self) -> None:
        """All of it is about to be flushed."""
        self._before, self._bytes = self._bytes, 0
