"""Notes of what was sent again: read as they were written, and harmless whoever wrote them."""

import logging
from typing import Final

import pytest

from resonanz_streams.redrive_notes import note, noted, waiting
from resonanz_streams.topics import DEAD_LETTERS
from resonanz_streams.transports.ports import Headers, Record


def record(offset: int, *headers: tuple[str, bytes]) -> Record:
    return Record(DEAD_LETTERS, 0, offset, None, b"", headers)


def as_record(offset: int, headers: Headers) -> Record:
    return record(offset, *headers)


def test_it_says_what_was_said() -> None:
    places = [(0, 17), (1, 3), (0, 18), (0, 20), (0, 18)]
    written = note(places)
    assert dict(written.headers)["redriven"] == b"0/17-18,0/20-20,1/3-3"
    assert noted(as_record(30, written.headers)) == {(0, 17), (0, 18), (0, 20), (1, 3)}


MALFORMED: Final = (
    b"",
    b"\xff",
    b"nonsense",
    b"0/1-1,",
    b"0/-1-2",
    b"0/9-3",
    "0/١-٢".encode(),
    b"0/0-999999999999",
    b"0/0-1000",
    b"0/0-600,1/0-600",
    b"0/999999999999-0,0/0-999999999999",
)


@pytest.mark.parametrize("value", MALFORMED)
def test_what_is_none_of_ours_says_nothing(value: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert noted(record(7, ("redriven", value))) == set()
    assert "dead-letters@0/7: its header redriven is none of ours" in caplog.text


def test_a_thousand_at_once_are_the_most() -> None:
    assert len(noted(record(7, ("redriven", b"0/0-999")))) == 1_000


def test_those_wait_that_no_note_names() -> None:
    letters = [record(offset, ("reason", b"not_json")) for offset in range(4)]
    notes = [as_record(4, note([(0, 0), (0, 2)]).headers), as_record(5, note([(1, 1)]).headers)]
    assert [one.offset for one in waiting([*letters, *notes])] == [1, 3]
