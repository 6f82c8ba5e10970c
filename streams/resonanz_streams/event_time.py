"""Now by the events themselves: ``clock: event``."""

from collections.abc import Iterable

from resonanz_streams.engine import PartitionEngine


def event_now_ms(engines: Iterable[PartitionEngine]) -> int | None:
    """The smallest watermark; None before the first event.

    A partition whose input has ended holds nobody back; when all have ended, now is the last end.
    """
    touched = [engine for engine in engines if not engine.untouched]
    running = [engine for engine in touched if not engine.ended]
    marks = [engine.watermark() for engine in running or touched]
    known = [mark for mark in marks if mark is not None]
    if not known or len(known) < len(marks):
        return None
    return min(known) if running else max(known)
