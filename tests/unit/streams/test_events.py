"""What travels through the topics, byte by byte."""

import json
from typing import Any

import msgspec
import pytest

from resonanz_streams.events import Audience, Event, KpiEntry, KpiSnapshot, Post, Status, encode

PLAIN = Event(id="1", source="file", kind="like", account="file:a", at_ms=5)


def test_a_line_holds_the_version_and_what_is_not_usual() -> None:
    assert encode(PLAIN) == b'{"v":1,"id":"1","source":"file","kind":"like","account":"file:a","at_ms":5}'


def test_everything_that_can_be_said_of_an_event() -> None:
    event = Event(
        id="1", source="file", kind="comment", op="remove", account="file:a", actor="x", own=True, object="o",
        parent="p", thread="t", venue="elsewhere", venue_name="w", topics=("bread",), flags=("bot",), at_ms=5,
        seen_ms=6, count=-7,
    )  # fmt: skip
    assert json.loads(encode(event)) == {
        "v": 1, "id": "1", "source": "file", "kind": "comment", "op": "remove", "account": "file:a",
        "actor": "x", "own": True, "object": "o", "parent": "p", "thread": "t", "venue": "elsewhere",
        "venue_name": "w",
        "topics": ["bread"], "flags": ["bot"], "at_ms": 5, "seen_ms": 6, "count": -7,
    }  # fmt: skip
    assert msgspec.json.decode(encode(event), type=Event) == event


def test_a_line_has_no_line_break_whatever_it_says() -> None:
    event = msgspec.structs.replace(PLAIN, id='a\n"b\u2028\0')
    assert b"\n" not in encode(event)
    assert msgspec.json.decode(encode(event), type=Event) == event


@pytest.mark.parametrize(
    "record",
    [
        Post(id="1", source="file", account="file:a", at_ms=5),
        Audience(id="1", source="file", account="file:a", at_ms=5, followers=3),
        Status(connector="file", account="file:a", at_ms=5, state="ok", since_ms=1, complete_through_ms=4),
        KpiSnapshot(at_ms=5, client="c", platform="file", account="file:a", coverage=1.0, kpis=[]),
    ],
)
def test_every_record_begins_with_its_version(record: Post | Audience | Status | KpiSnapshot) -> None:
    assert encode(record).startswith(b'{"v":1,')
    assert msgspec.json.decode(encode(record), type=type(record)) == record


@pytest.mark.parametrize("days", [-1, 2**27, 2**70, "all"])
def test_days_that_there_are_none_of_cannot_be_read(days: Any) -> None:
    """An audit reads what stands in the topic, whoever wrote it there."""
    line = {
        "v": 1,
        "at_ms": 5,
        "client": "c",
        "platform": "file",
        "account": "a",
        "coverage": 1.0,
        "kpis": [],
    }
    msgspec.json.decode(json.dumps({**line, "days": {"24h": 2**27 - 1}}), type=KpiSnapshot)
    with pytest.raises(msgspec.ValidationError, match=r"days"):
        msgspec.json.decode(json.dumps({**line, "days": {"24h": days}}), type=KpiSnapshot)


def test_a_null_of_a_kpi_is_written_as_null() -> None:
    """Readers find every field, and no NaN, which is no JSON."""
    nan = float("nan")
    entry = KpiEntry(kpi="velocity", window="5m", value=nan, lo=nan, reason="not_covered")
    snapshot = KpiSnapshot(at_ms=5, client="c", platform="file", account="file:a", coverage=0.0, kpis=[entry])
    assert json.loads(encode(snapshot))["kpis"] == [
        {
            "kpi": "velocity", "window": "5m", "part": None, "value": None, "lo": None, "hi": None,
            "numerator": None, "denominator": None, "coverage": None, "reason": "not_covered",
        }
    ]  # fmt: skip
