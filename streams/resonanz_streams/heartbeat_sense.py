"""What is believed of a heartbeat: it comes from programs of others, whose clocks may be wrong."""

from collections.abc import Iterable

import msgspec

from resonanz_streams.events import AHEAD_MS, Status

Interval = tuple[int, int]


def believable(status: Status, clock_ms: int) -> Status:
    """The heartbeat without what lies ahead of the clock.

    A time of the far future would count as newer than every heartbeat to come, and as complete for ever.
    """
    return msgspec.structs.replace(
        status,
        at_ms=min(status.at_ms, clock_ms),
        complete_through_ms=min(status.complete_through_ms, clock_ms + AHEAD_MS),
    )


def newly_missed_ms(known: Iterable[Interval], gaps: Iterable[Interval]) -> int:
    """How much of ``gaps`` was not in ``known``."""
    before = list(known)
    return _length([*before, *gaps]) - _length(before)


def _length(intervals: Iterable[Interval]) -> int:
    """Of all together; what several cover counts once."""
    total, reached = 0, -(2**63)
    for start, end in sorted(intervals):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total
