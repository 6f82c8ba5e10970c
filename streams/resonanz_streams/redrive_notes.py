"""What topic ``dead-letters`` says of letters that were sent again: a record whose header ``redriven`` names
up to a thousand of them (``0/17-42,1/3-3``)."""

import logging
import re
from collections.abc import Iterable, Sequence
from typing import Final

from resonanz_streams.topics import DEAD_LETTERS
from resonanz_streams.transports.ports import Outgoing, Record

log = logging.getLogger(__name__)

MOST: Final = 1_000
"""How many letters a note names at most."""

_REDRIVEN: Final = "redriven"
_PLACE: Final = re.compile(r"([0-9]{1,19})/([0-9]{1,19})")
Place = tuple[int, int]
"""Partition and offset in topic ``dead-letters``."""


def note(places: Iterable[Place]) -> Outgoing:
    """The record that says these were sent."""
    spans: list[list[int]] = []
    for number, offset in sorted(set(places)):
        if spans and spans[-1][0] == number and spans[-1][2] == offset - 1:
            spans[-1][2] = offset
        else:
            spans.append([number, offset, offset])
    named = ",".join(f"{number}/{first}-{last}" for number, first, last in spans)
    return Outgoing(DEAD_LETTERS, None, b"", [("reason", _REDRIVEN.encode()), (_REDRIVEN, named.encode())])


def is_note(record: Record) -> bool:
    """Whether it is one of these, and no letter."""
    return any(name == _REDRIVEN for name, _ in record.headers)


def noted(record: Record) -> set[Place]:
    """What a record says was sent. What nobody of us wrote says nothing: at worst a letter is sent twice, and
    counted once."""
    found: set[Place] = set()
    for name, value in record.headers:
        if name == _REDRIVEN:
            try:
                found |= _places(value)
            except ValueError:
                log.warning(
                    "dead-letters@%d/%d: its header %s is none of ours and is passed over",
                    record.partition, record.offset, name,
                )  # fmt: skip
    return found


def _places(value: bytes) -> set[Place]:
    spans = [_span(part) for part in value.decode().split(",")]
    # Before any is made: a span of any length is a few bytes.
    if sum(last - first + 1 for _, first, last in spans) > MOST:
        raise ValueError(value)
    return {(number, offset) for number, first, last in spans for offset in range(first, last + 1)}


def _span(text: str) -> tuple[int, int, int]:
    start, _, last = text.partition("-")
    number, first = place_of(start)
    _, end = place_of(f"{number}/{last}")
    if first > end:
        raise ValueError(text)
    return number, first, end


def place_of(text: str) -> Place:
    """``0/17``.

    Raises:
        ValueError: anything else.
    """
    found = _PLACE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return int(found[1]), int(found[2])


def waiting(records: Sequence[Record]) -> list[Record]:
    """The letters among these that no note among these says were sent."""
    sent = {place for record in records for place in noted(record)}
    return [
        record for record in records if not is_note(record) and (record.partition, record.offset) not in sent
    ]
