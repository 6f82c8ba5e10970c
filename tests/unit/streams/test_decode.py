"""From a run of records to columns."""

from collections.abc import Sequence
from typing import Any

import pytest
from tests.engines import KEY, NOW_MS, event, line, registry_of, run_of

from resonanz_streams.dead_letters import MAX_LINE, Lines, Rejected
from resonanz_streams.decode import Columns, Decoder, Snapshot
from resonanz_streams.events import AHEAD_MS, EARLIEST_MS, Event, Kind
from resonanz_streams.identity import hashes, key_hashes
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import settings_of

Reasons = list[tuple[int, str]]
"""Offset and reason."""


def decoder(*accounts: str, **client: Any) -> Decoder:
    return Decoder(registry_of(*(accounts or ("file:a",)), **client), 0)


def interactions(
    *events: dict[str, Any] | bytes, topic: str = "likes", by: Decoder | None = None
) -> tuple[Columns, list[Rejected]]:
    run = run_of(*events, topic=topic, start=100)
    return (by or decoder()).operations(run, Lines(run), NOW_MS)


def reasons(rejected: Sequence[Rejected]) -> Reasons:
    return [(item.line.offset, item.reason) for item in rejected]


# -- columns -------------------------------------------------------------------------------------------


def test_a_run_becomes_columns() -> None:
    columns, rejected = interactions(
        event(id="1", account="file:b", at_ms=NOW_MS - 5, count=-3, source="x"),
        event(id="2", op="remove"),
        event(id="3", own=True),
        by=decoder("file:a", "file:b"),
    )
    assert rejected == []
    assert columns.rows.tolist() == [1, 0, 0]
    assert columns.at_ms.tolist() == [NOW_MS - 5, NOW_MS - 60_000, NOW_MS - 60_000]
    assert columns.removal.tolist() == [False, True, False]
    assert columns.weights.tolist() == [-3, 1, 0]
    assert list(columns.sources) == ["x", "file", "file"]
    assert list(columns.lines) == [0, 1, 2]


def test_bad_lines_leave_the_others_in_place() -> None:
    columns, rejected = interactions(
        event(id="1"), b"{", event(id="2", account="file:nobody"), event(id="3"), b"\n\n", event(id="4", v=2)
    )
    assert list(columns.lines) == [0, 3]
    assert reasons(rejected) == [(101, "not_json"), (105, "unknown_version"), (102, "unknown_account")]


def test_an_empty_run_has_no_columns() -> None:
    columns, rejected = interactions(b"", b"  \r\n")
    assert len(columns) == 0
    assert rejected == []


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b" ", b"\n\n \t"])
def test_line_ends_and_blanks_do_not_matter(end: bytes) -> None:
    columns, rejected = interactions(line(event(id="1")) + end, end + line(event(id="2")))
    assert len(columns) == 2
    assert rejected == []


def test_two_objects_on_one_line_are_no_event() -> None:
    """Not even beside an object that is spread over two, so that the numbers agree."""
    two = line(event(id="1")) + line(event(id="2"))
    head, tail = line(event(id="3", x=1))[:-1], b"}"
    columns, rejected = interactions(two, head, tail)
    assert len(columns) == 0
    assert reasons(rejected) == [(100, "not_json"), (101, "not_json"), (102, "not_json")]


def test_a_line_break_inside_a_text_is_no_json() -> None:
    broken = line(event(x="}\n{")).replace(b"\\n", b"\n")
    columns, rejected = interactions(broken, line(event(id="2")) + line(event(id="3")))
    assert len(columns) == 0
    assert [reason for _, reason in reasons(rejected)] == ["not_json"] * 3


@pytest.mark.parametrize("text", ["é", "日本", "\U0001f600", "\\", '"', "\x00", "a\nb"])
def test_any_text_may_stand_in_an_id(text: str) -> None:
    columns, rejected = interactions(event(id=text), event(id=text + "x"))
    assert rejected == []
    assert len(set(columns.keys.tolist())) == 2


# -- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at_ms", "fine"),
    [
        (EARLIEST_MS, True),
        (EARLIEST_MS - 1, False),
        (NOW_MS + AHEAD_MS, True),
        (NOW_MS + AHEAD_MS + 1, False),
        (0, False),
        (-1, False),
        (4_102_444_800_000, False),
        (2**63 - 1, False),
        (-(2**63), False),
    ],
)
def test_times_before_2000_or_over_ten_minutes_ahead_are_out_of_range(at_ms: int, *, fine: bool) -> None:
    columns, rejected = interactions(event(at_ms=at_ms))
    assert len(columns) == fine
    assert reasons(rejected) == ([] if fine else [(100, "time_out_of_range")])


def test_the_sentence_says_which_side_of_the_range() -> None:
    _, rejected = interactions(event(at_ms=1), event(at_ms=NOW_MS * 2))
    assert [item.error for item in rejected] == [
        "at_ms is before the year 2000",
        "at_ms is over 10 min ahead of the clock",
    ]


def test_an_account_of_another_partition_was_addressed_wrongly() -> None:
    by = Decoder(registry_of("file:a", "file:b", partitions=4), 0)
    columns, rejected = interactions(event(), event(account="file:b"), by=by)
    assert columns.rows.tolist() == [0]
    assert reasons(rejected) == [(101, "wrong_topic")]
    assert rejected[0].error == (
        "the account belongs to partition 3, found in 0: "
        "the record's key must be the account, hashed with murmur2"
    )


def test_a_count_of_nothing_is_refused() -> None:
    _, rejected = interactions(event(count=0))
    assert [(item.reason, item.error) for item in rejected] == [("wrong_type", "count is 0")]


@pytest.mark.parametrize("topic", ["likes", "comments", "shares"])
def test_each_topic_takes_its_own_kind_only(topic: str) -> None:
    one = [event(id=kind, kind=kind) for kind in ("like", "comment", "share")]
    columns, rejected = interactions(*one, topic=topic)
    assert list(columns.lines) == [["likes", "comments", "shares"].index(topic)]
    assert [item.reason for item in rejected] == ["wrong_topic", "wrong_topic"]


def test_unknown_fields_are_passed_over() -> None:
    columns, rejected = interactions(event(x={"deep": [1, 2]}, y=None))
    assert (len(columns), rejected) == (1, [])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"[" * 65 + b"]" * 65, "too_deep"),
        (b'"' + b"y" * MAX_LINE + b'"', "too_large"),
        (b'"\xff"', "not_json"),
    ],
)
def test_what_stands_in_unknown_fields_is_judged_too(text: bytes, reason: str) -> None:
    """All lines of the run would decode: the fast way must not pass over this one."""
    odd = line(event(id="1"))[:-1] + b',"x":' + text + b"}"
    columns, rejected = interactions(line(event(id="2")), odd, line(event(id="3")))
    assert list(columns.lines) == [0, 2]
    assert reasons(rejected) == [(101, reason)]


def test_the_limits_of_depth_and_length() -> None:
    deep = line(event(id="1"))[:-1] + b',"x":' + b"[" * 65 + b"]" * 65 + b"}"
    deepest = line(event(id="2"))[:-1] + b',"x":' + b"[" * 63 + b"]" * 63 + b"}"
    long = line(event(id="3"))[:-1] + b',"x":"' + b"y" * MAX_LINE + b'"}'
    columns, rejected = interactions(deep, deepest, long)
    assert list(columns.lines) == [1]
    assert reasons(rejected) == [(100, "too_deep"), (102, "too_large")]


def test_many_shallow_lines_are_not_deep() -> None:
    columns, rejected = interactions(*[event(id=str(number), topics=["a"]) for number in range(200)])
    assert (len(columns), rejected) == (200, [])


# -- own people ----------------------------------------------------------------------------------------


def test_own_actors_are_those_of_the_account_s_client_alone() -> None:
    registry = registry_of("file:a", own_actors=["baker"])
    by = Decoder(registry, 0)
    baker = registry.pseudonym("fleet", "baker")
    columns, _ = interactions(
        event(id="1", actor=baker), event(id="2", actor="baker"), event(id="3", actor=baker, count=9), by=by
    )
    assert columns.weights.tolist() == [0, 1, 0]


def test_the_own_people_of_one_client_are_audience_at_another() -> None:
    client = {"name": "A", "own_actors": ["baker"]}
    settings = settings_of(
        {
            "pseudonym_key": "${KEY}",
            "partitions": 1,
            "clients": {"a": client | {"accounts": ["file:a"]}, "b": client | {"accounts": ["file:b"]}},
        },
        environment={"KEY": KEY},
    )
    registry = build_registry(settings)
    baker_of_a = registry.pseudonym("a", "baker")
    columns, _ = interactions(
        event(id="1", actor=baker_of_a),
        event(id="2", actor=baker_of_a, account="file:b"),
        by=Decoder(registry, 0),
    )
    assert columns.weights.tolist() == [0, 1]


# -- keys ----------------------------------------------------------------------------------------------


def keys(kind: Kind, *events: dict[str, Any], nul: bool = False) -> list[int]:
    plain = {"kind": kind, "account": "file:a", "source": "s", "id": "1", "at_ms": 1}
    found: list[int] = key_hashes(kind, [Event(**(plain | one)) for one in events], nul=nul).tolist()
    return found


def test_keys_are_the_same_on_every_machine_and_in_every_version() -> None:
    """The ledger is stored: other numbers here would count everything of the last weeks again."""
    assert keys("like", {"actor": "x", "object": "o"}, {"actor": "x"}) == [
        10130578313694887910,
        8915154502914608420,
    ]
    assert keys("comment", {"actor": "x", "object": "o"}) == [3519143330961600245]
    assert keys("share", {"id": "a\0b"}, nul=True) == [3755042867684442109]


def test_a_key_holds_what_identifies_and_nothing_else() -> None:
    same = keys(
        "like",
        {"actor": "x", "object": "o"},
        {"actor": "x", "object": "o", "id": "2", "at_ms": 5, "count": 3},
    )
    assert same[0] == same[1]
    others = [{"actor": "y"}, {"object": "p"}, {"source": "t"}, {"account": "file:b"}]
    assert len({*same, *keys("like", *[{"actor": "x", "object": "o"} | other for other in others])}) == 5


def test_neighbouring_fields_do_not_run_into_each_other() -> None:
    assert len(set(keys("share", {"source": "ab", "id": "c"}, {"source": "a", "id": "bc"}))) == 2
    tricky = [
        {"actor": "x\0y", "object": "z"},
        {"actor": "x", "object": "y\0z"},
        {"source": "s\0x", "actor": "y", "object": "z"},
    ]
    assert len(set(keys("like", *tricky, nul=True))) == 3


def test_a_run_with_separators_in_its_texts_keeps_its_events_apart() -> None:
    one, other = event(actor="x\0y", object="z"), event(actor="x", object="y\0z")
    columns, _ = interactions(one, other)
    assert len(set(columns.keys.tolist())) == 2


def test_the_spelling_of_a_text_does_not_change_its_key() -> None:
    """Python writes é as \\u00e9, others as it is; a backslash anywhere makes no other key."""
    plain, _ = interactions(event(id="é"))
    escaped, _ = interactions(line(event(id="é")), b'{"x":"\\\\"}')
    assert b"\\u00e9" in line(event(id="é"))
    raw, _ = interactions(line(event(id="E")).replace(b'"E"', '"é"'.encode()))
    assert plain.keys.tolist() == escaped.keys.tolist() == raw.keys.tolist()


# -- followers -----------------------------------------------------------------------------------------


def snapshots(*records: dict[str, Any] | bytes) -> tuple[list[Snapshot], Reasons]:
    run = run_of(*records, topic="audience", start=100)
    good, rejected = decoder().snapshots(run, Lines(run), NOW_MS)
    return good, reasons(rejected)


def told(**changes: Any) -> dict[str, Any]:
    return {"id": "1", "source": "file", "account": "file:a", "at_ms": NOW_MS, "followers": 300} | changes


def test_snapshots_of_followers() -> None:
    one = told(reach=5, impressions=7, object="o")
    post = int(hashes(["o"])[0])
    assert snapshots(one) == ([Snapshot(0, NOW_MS, 300, "file", line(one), post, 5, 7)], [])
    of_nothing = told(reach=5, impressions=7)
    assert snapshots(of_nothing) == ([Snapshot(0, NOW_MS, 300, "file", line(of_nothing))], [])
    suppressed = told(impressions=0, object="o")
    assert snapshots(suppressed)[0] == [Snapshot(0, NOW_MS, 300, "file", line(suppressed), post, -1, 0)]
    assert snapshots(told(followers=0))[0][0].followers == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"followers": -1}, "wrong_type"),
        ({"followers": 2**31}, "wrong_type"),
        ({"followers": 1.5}, "wrong_type"),
        ({"reach": -1, "object": "o"}, "wrong_type"),
        ({"impressions": 2**31, "object": "o"}, "wrong_type"),
        ({"reach": 5, "object": ""}, "wrong_type"),
        ({"reach": 5, "object": "o", "followers": None}, "wrong_type"),
        ({"followers": None}, "wrong_type"),
        ({"v": 2}, "unknown_version"),
        ({"account": "file:b"}, "unknown_account"),
        ({"at_ms": 1}, "time_out_of_range"),
        ({"at_ms": NOW_MS + AHEAD_MS + 1}, "time_out_of_range"),
    ],
)
def test_snapshots_that_are_refused(changes: dict[str, Any], reason: str) -> None:
    assert snapshots(told(**changes)) == ([], [(100, reason)])
