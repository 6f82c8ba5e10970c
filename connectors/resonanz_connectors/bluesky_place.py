"""Where the Bluesky connector stands in Jetstream's time, and from where to ask next.

The cursor is the newest ``time_us`` seen. Messages are slightly out of order, and other servers have
other clocks, so a new connection asks for a few seconds before it; readers count once.
"""

from typing import Final

from resonanz_streams.errors import StopError
from resonanz_streams.events import AHEAD_MS, EARLIEST_MS

REWIND_US: Final = 5_000_000
LAG_MS: Final = 2_000
"""A message comes up to so much after its ``time_us``."""

_FIRST_LEAP_US: Final = 1_000_000


class Place:
    """Begins at whatever comes first, or at a stored cursor given to :meth:`restart`."""

    def __init__(self) -> None:
        self.newest_us: int | None = None
        self._first_us: int | None = None
        self._before_us: int | None = None
        self._stuck_us: int | None = None
        self._leap_us = 0

    def restart(self, cursor: str | None) -> None:
        """Begin a connection after the stored cursor.

        Raises:
            StopError: it is none of ours.
        """
        if cursor is not None and not cursor.isdecimal():
            raise StopError(
                f"the stored cursor {cursor!r} is none of Bluesky's; name this connector otherwise"
            )
        self.newest_us = self._before_us = None if cursor is None else int(cursor)
        self._first_us = None

    @property
    def cursor(self) -> str | None:
        """To be stored."""
        return None if self.newest_us is None else str(self.newest_us)

    @property
    def newest_ms(self) -> int | None:
        """The newest message's time."""
        return None if self.newest_us is None else self.newest_us // 1000

    @property
    def complete_through_ms(self) -> int | None:
        """Nothing older is still to come."""
        return None if self.newest_ms is None else self.newest_ms - LAG_MS

    @property
    def first_ms(self) -> int | None:
        """The time of this connection's first message."""
        return None if self._first_us is None else self._first_us // 1000

    @property
    def clamped(self) -> bool:
        """Whether this connection began later than asked: the rewind must bring something older than
        what was seen before."""
        return self._before_us is not None and self._first_us is not None and self._first_us > self._before_us

    def ask_from_us(self) -> int | None:
        """The cursor for the connection; None: from now on."""
        if self.newest_us is None:
            return None
        return self.newest_us + self._leap_us if self._leap_us else max(0, self.newest_us - REWIND_US)

    def see(self, time_us: int, now_ms: int) -> bool:
        """Take note of a message's time; False, and nothing noted, if it cannot be true: a cursor or a
        mark in the future could never be taken back."""
        if not EARLIEST_MS <= time_us // 1000 <= now_ms + AHEAD_MS:
            return False
        if self._first_us is None:
            self._first_us, self._leap_us = time_us, 0
        self.newest_us = time_us if self.newest_us is None else max(self.newest_us, time_us)
        return True

    def blocked(self) -> None:
        """The next message cannot be received. If it comes again, leap over it: a second, two, four …

        What lies under the leap shows as a gap, as the next connection begins later than the cursor.
        """
        if self.newest_us is None:
            return
        again = self._stuck_us is not None and self.newest_us - self._stuck_us < _FIRST_LEAP_US
        self._leap_us = max(_FIRST_LEAP_US, 2 * self._leap_us) if again else 0
        self._stuck_us = self.newest_us
