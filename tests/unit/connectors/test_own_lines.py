"""The short way through lines of ours says what the long way says, or nothing."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from resonanz_connectors.own_lines import own_event, own_events
from resonanz_connectors.rows import Row, read_rows, read_together
from resonanz_streams.events import Event, encode

EVENT: dict[str, Any] = {
    "v": 1,
    "id": "1",
    "source": "bluesky",
    "kind": "like",
    "account": "bluesky:a",
    "at_ms": 1_700_000_000_000,
}
TEXTS = st.sampled_from(
    ("x", "größe", " x", "x ", "\t", "\u00a0x", "", "y" * 513, "a\0b", None, 7, 1.5, True)
)
TIMES = st.sampled_from(
    (
        *(0, 946_684_799_999, 946_684_800_000, 1_700_000_000, 1_700_000_000_000, 10**14 - 1, 10**14, 10**18),
        *("1700000000000", "2023-11-14T22:13:20Z", -1, 1.7e12, None),
    )
)
VALUES = {
    "v": st.sampled_from((1, 2, "1", None)),
    "id": TEXTS,
    "source": TEXTS,
    "kind": st.sampled_from(("like", "comment", "share", "Like", "post", "nothing")),
    "op": st.sampled_from(("add", "remove", " add", "undo")),
    "account": st.sampled_from(("bluesky:a", "a", "A:b", "x:", "x: y", "bluesky:a ", "file:größe")),
    "actor": TEXTS,
    "object": TEXTS,
    "own": st.sampled_from((True, False, "true", 1)),
    "at_ms": TIMES,
    "seen_ms": TIMES,
    "count": st.sampled_from((1, -3, 0, "2", 2.0, 2**31)),
    "topics": st.sampled_from(((), ("a",), (" a ",), "a|b")),
    "topic": st.sampled_from(("likes", "comments", "audience", "x")),
    "more": st.sampled_from((1, {"deep": [1, "\ud800"]}, "größe")),
}
CHANGES = st.lists(
    st.sampled_from(tuple(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name])), max_size=3
).map(dict)


def the_long_way(line: bytes) -> Row:
    """What a file of this one line holds: lines at the beginning of a file are always taken apart."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "one.jsonl"
        path.write_bytes(line)
        (row,) = read_rows(path, {}, {})
    return row


def test_an_encoded_event_comes_back() -> None:
    event = Event(
        id="1",
        source="mastodon",
        kind="comment",
        account="mastodon:größe@example",
        actor="p",
        parent="0",
        at_ms=1_700_000_000_001,
        seen_ms=1_700_000_000_002,
        count=-2,
    )
    assert own_event(encode(event) + b"\r\n") == event
    assert own_event(json.dumps(EVENT).encode()) == Event(**{k: v for k, v in EVENT.items() if k != "v"})


def test_lines_of_others_take_the_long_way() -> None:
    line = json.dumps(EVENT).encode()
    assert own_event(line) is not None
    assert own_event(line.replace(b'"v": 1, ', b"")) is None
    assert own_event(line[:-1] + b', "topic": "likes"}') is None
    assert own_event(line + b"{}") is None
    assert own_event(line[:-1] + b', "more": "\xff"}') is None


@settings(max_examples=500, deadline=None)
@given(CHANGES)
def test_both_ways_say_the_same(changes: dict[str, Any]) -> None:
    line = json.dumps(EVENT | changes).encode()
    short = own_event(line)
    if short is not None:
        long = the_long_way(line)
        assert long.ours
        assert long.record == short


def test_a_file_is_read_by_both(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = [EVENT | {"id": str(number)} for number in range(150)]
    lines[120] |= {"at_ms": "yesterday"}
    lines[130] |= {"id": " 130 "}
    path.write_text("".join(json.dumps(line) + "\n\n" for line in lines))
    rows = list(read_rows(path, {}, {}))
    assert [row.number for row in rows] == list(range(1, 300, 2))
    records = [row.record for row in rows]
    assert [record.id if record else None for record in records] == [
        None if number == 120 else str(number) for number in range(150)
    ]
    assert rows[120].bad is not None
    assert rows[120].bad.raw == json.dumps(lines[120]).encode()
    assert all(row.ours for row in rows if row.record)
    assert [row.number for row in read_rows(path, {}, {}, after=297)] == [299]


def compact(changes: dict[str, Any]) -> bytes:
    return (
        json.dumps(EVENT | changes, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")
        + b"\n"
    )


@settings(max_examples=500, deadline=None)
@given(st.lists(CHANGES, min_size=1, max_size=4))
def test_together_they_say_what_each_says(changes: list[dict[str, Any]]) -> None:
    lines = [compact(one) for one in changes]
    together = own_events(lines)
    if together is not None:
        assert together == [own_event(line) for line in lines]


def test_lines_as_we_write_them_are_read_together() -> None:
    lines = [compact({"id": str(number), "count": 2}) for number in range(3)]
    lines[-1] = lines[-1].rstrip(b"\n")  # as a file may end
    assert own_events(lines) == [own_event(line) for line in lines]
    assert own_events(lines, EVENT["at_ms"]) is not None


def test_what_needs_a_look_at_each_line_is_not_read_together() -> None:
    line = compact({})
    assert own_events([line, compact({"count": 0})]) is None
    assert own_events([line, b"\n", line]) is None
    assert own_events([line, line.rstrip(b"\n") + line]) is None
    assert own_events([line, b'{"v":1,"x":[\n', b'{"v":1,"x":[]}]}\n', line.rstrip(b"\n") + line]) is None
    assert own_events([line, line], EVENT["at_ms"] - 1) is None
    assert own_events([line, json.dumps(EVENT).encode() + b"\n"]) is None


def test_a_file_is_read_together_but_for_what_is_odd(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = [compact({"id": str(number)}) for number in range(2_000)]
    lines[700] = compact({"id": "700", "at_ms": "yesterday"})
    path.write_bytes(b"".join(lines))
    items = list(read_together(path, {}, {}))
    sizes = [len(item) for item in items if isinstance(item, list)]
    assert sizes == [512, 512, 364]
    assert len([item for item in items if isinstance(item, Row)]) == 100 + 512
    ids = [
        record.id
        for item in items
        for record in (item if isinstance(item, list) else [item.record])
        if record is not None
    ]
    assert ids == [str(number) for number in range(2_000) if number != 700]
