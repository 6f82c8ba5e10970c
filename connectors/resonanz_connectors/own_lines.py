"""The short way for lines that are events already, as we write them: four times as fast as by cells, and many
of them together twice as fast again.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from resonanz_connectors.cells import account_id
from resonanz_streams.events import EARLIEST_MS, Event
from resonanz_streams.unreadable import UNREADABLE

_BEGINNINGS: Final = (b'{"v":1,', b'{"v": 1,')
_LATEST_MS: Final = 10**14
"""A number from here on is microseconds."""

_UNUSUAL: Final = (b" ", b"\t", b"\r", b"\\", b'"topic"')
"""Without a blank or an escape no text can begin or end with one."""

_decoder = msgspec.json.Decoder(Event)


def own_event(line: bytes) -> Event | None:
    """The event of a line that begins with its version; None if it takes the long way to tell, because
    something in it must first be converted, or is wrong."""
    if not line.startswith(_BEGINNINGS) or b'"topic"' in line or not _is_text(line):
        return None
    try:
        event = _decoder.decode(line)
    except UNREADABLE:
        return None
    return event if event.v == 1 and _is_plain(event) else None


def own_events(lines: Sequence[bytes], latest_ms: int | None = None) -> list[Event] | None:
    """The events of these lines, if :func:`own_event` would take each of them, none has count 0 and none is
    later than ``latest_ms``; None if it takes a look at each line to tell."""
    data = b"".join(lines)
    if not (data.startswith(_BEGINNINGS[0]) and data.endswith((b"}\n", b"}")) and data.isascii()):
        return None
    # A newline within an object never stands between such an end and such a beginning.
    if data.count(b"}\n" + _BEGINNINGS[0]) != len(lines) - 1 or any(text in data for text in _UNUSUAL):
        return None
    try:
        events = _decoder.decode_lines(data)
    except UNREADABLE:
        return None
    if len(events) != len(lines) or not _are_plain(events):
        return None
    latest = max([event.at_ms for event in events])
    return events if latest_ms is None or latest <= latest_ms else None


def _are_plain(events: Sequence[Event]) -> bool:
    times = [event.at_ms for event in events]
    times += [event.seen_ms for event in events if event.seen_ms is not None]
    if not EARLIEST_MS <= min(times) <= max(times) < _LATEST_MS:
        return False
    odd = [event for event in events if event.topics or event.flags or not event.count or event.v != 1]
    return not odd and all(map(_is_account, {event.account for event in events}))


def _is_text(line: bytes) -> bool:
    """The decoder does not look into fields that it does not know."""
    if line.isascii():
        return True
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_plain(event: Event) -> bool:
    """Whether reading it by cells would change nothing."""
    seen_ms = event.at_ms if event.seen_ms is None else event.seen_ms
    if not (EARLIEST_MS <= event.at_ms < _LATEST_MS and EARLIEST_MS <= seen_ms < _LATEST_MS):
        return False
    if event.topics or event.flags or not _is_account(event.account):
        return False
    texts = (event.id, event.source, event.actor, event.object, event.parent, event.thread, event.venue_name)
    for text in texts:  # noqa: SIM110  # a generator takes twice as long
        if text is not None and text != text.strip():
            return False
    return True


@lru_cache(maxsize=65_536)
def _is_account(name: str) -> bool:
    return account_id(name) == name
