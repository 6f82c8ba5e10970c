"""The short way for lines that are events already, as we write them: four times as fast as by cells."""

from functools import lru_cache
from typing import Final

import msgspec

from resonanz_connectors.cells import account_id
from resonanz_streams.events import EARLIEST_MS, Event
from resonanz_streams.unreadable import UNREADABLE

_BEGINNINGS: Final = (b'{"v":1,', b'{"v": 1,')
_LATEST_MS: Final = 10**14
"""A number from here on is microseconds."""

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
