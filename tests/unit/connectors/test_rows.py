"""Rows of files become events, posts and audience snapshots, or say why not."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.connectors.tables_of import AT, events, file, rows

from resonanz_connectors.cells import account_id, time_ms
from resonanz_connectors.rows import identified
from resonanz_streams.events import Audience, Event, Post
from resonanz_streams.registry import Registry, build_registry
from resonanz_streams.settings import settings_of

DATA = Path(__file__).parents[2] / "data"


# -- real files --------------------------------------------------------------------------------------


def test_stack_exchange() -> None:
    read = rows(DATA / "stackexchange" / "interactions.csv.gz", {"at_ms": "time_ms", "object": "post"})
    assert read[0].number == 2
    assert read[0].record == Event(
        id="vote:1", source="file", kind="like", account="file:7", object="1", at_ms=AT
    )
    kinds = Counter(row.record.kind for row in read if isinstance(row.record, Event))
    assert kinds == {"like": 9936, "comment": 3407}
    assert read[-1].number == 13_344


def test_posts_with_tags() -> None:
    mapping = {"at_ms": "time_ms", "id": "post", "object": "parent", "topics": "tags"}
    read = rows(DATA / "stackexchange" / "posts.csv.gz", mapping, kind="post")
    assert read[0].record == Post(
        id="1",
        source="file",
        account="file:7",
        topics=("simulation", "quantum-turing-machine"),
        at_ms=1_520_874_045_567,
    )
    assert [row.bad.reason for row in read if row.bad] == ["wrong_type"] * 2, "two have no author"


@pytest.mark.parametrize("name", ["facebook_comments", "twitter_retweets"])
def test_klout_marks_its_header(name: str) -> None:
    mapping = {
        "account": "user_id_fingerprint",
        "actor": "actor_id_fingerprint",
        "object": "post_id_fingerprint",
        "at_ms": "action_timestamp",
    }
    path = DATA / "klout" / f"{name}.tsv"
    read = events(path, mapping, kind="comment")
    assert len(read) == 1_000
    first = path.read_text().splitlines()[1].split("\t")
    assert read[0].account == f"file:{first[0]}"
    assert (read[0].actor, read[0].object, read[0].at_ms) == (first[1], first[2], int(first[4]))
    assert len({event.id for event in read}) == 1_000


# -- shapes ------------------------------------------------------------------------------------------


def test_all_three_shapes_in_one_file(tmp_path: Path) -> None:
    lines = [
        {"topic": "shares", "id": "s", "account": "x", "at_ms": AT, "flags": ["bot"], "op": "remove"},
        {"topic": "posts", "id": "p", "account": "x", "at_ms": AT, "venue": "elsewhere", "topics": "a; b"},
        {"topic": "audience", "id": "f", "account": "x", "at_ms": AT, "followers": 7.0},
    ]
    read = rows(file(tmp_path, "a.jsonl", "\n".join(map(json.dumps, lines))))
    assert [row.record for row in read] == [
        Event(id="s", source="file", kind="share", account="file:x", at_ms=AT, flags=("bot",), op="remove"),
        Post(id="p", source="file", account="file:x", at_ms=AT, venue="elsewhere", topics=("a", "b")),
        Audience(id="f", source="file", account="file:x", at_ms=AT, followers=7),
    ]


def test_parquet_times(tmp_path: Path) -> None:
    table = pa.table(
        {
            "at_ms": pa.array([AT * 1_000_000 + 1], pa.timestamp("ns")),
            "account": pa.array([7]),
            "kind": pa.array(["like"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    assert [(e.at_ms, e.account) for e in events(tmp_path / "a.parquet")] == [(AT, "file:7")]


# -- cells -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1520812800", AT),
        ("1520812800.123", AT + 123),
        (1520812800, AT),
        ("1520812800000", AT),
        (1520812800000.0, AT),
        ("1520812800000999", AT),
        (AT * 1_000_000, AT),
        ("2018-03-12", AT),
        ("2018-03-12T00:00:00Z", AT),
        (" 2018-03-12 01:00:00+01:00 ", AT),
        ("2018-03-12T00:00:00.0019", AT + 1),
        ("99999999999", 99_999_999_999_000),
        ("100000000000", 100_000_000_000),
    ],
)
def test_times(cell: Any, expected: int) -> None:
    assert time_ms(cell) == expected


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "yesterday",
        "nan",
        "sNaN",
        "-inf",
        True,
        None,
        "1e30",
        "1e1000000000000",
        [1],
        "2018-13-01",
        math.nan,
    ],
)
def test_no_times(cell: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        time_ms(cell)


def test_what_is_missing_may_be_written_as_nan(tmp_path: Path) -> None:
    text = f"kind,id,account,at_ms\nlike,1,x,nan\nlike,2,x,NaN\nlike,3,x,{AT}\n"
    *missing, whole = rows(file(tmp_path, "a.csv", text))
    assert [row.bad.reason for row in missing if row.bad] == ["wrong_type"] * 2
    assert isinstance(whole.record, Event)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [(7, "file:7"), (7.0, "file:7"), ("-7", "file:-7"), ("bluesky:did:plc:a", "bluesky:did:plc:a")],
)
def test_accounts(cell: Any, expected: str) -> None:
    assert account_id(cell) == expected


def test_a_missing_id_is_the_content(tmp_path: Path) -> None:
    text = f"kind,account,at_ms,note\nlike,x,{AT},a\nlike,x,{AT},b\nlike,x,{AT},a\n"
    first, second, third = (event.id for event in events(file(tmp_path, "a.csv", text)))
    assert first == third != second
    assert first.startswith("xxh3:")


def test_a_removal_without_anything_to_find_its_addition_by(tmp_path: Path) -> None:
    text = f"kind,op,account,actor,object,at_ms\ncomment,remove,x,ann,o,{AT}\nlike,remove,x,ann,o,{AT}\n"
    comment, like = rows(file(tmp_path, "a.csv", text))
    assert comment.bad is not None
    assert comment.bad.error == "a removal needs the id of what it removes"
    assert isinstance(like.record, Event)


# -- people ------------------------------------------------------------------------------------------


@pytest.fixture
def registry() -> Registry:
    settings = settings_of(
        {
            "pseudonym_key": "${KEY}",
            "clients": {"bakery": {"name": "B", "accounts": ["file:x"], "own_actors": ["baker"]}},
        },
        environment={"KEY": "0123456789abcdef0123456789abcdef"},
    )
    return build_registry(settings)


def test_people_become_pseudonyms(tmp_path: Path, registry: Registry) -> None:
    known = registry.pseudonym("bakery", "ann")
    lines = [
        {"kind": "like", "account": "x", "at_ms": AT, "actor": "ann"},
        {"kind": "like", "account": "x", "at_ms": AT, "actor": "baker"},
        {"kind": "like", "account": "x", "at_ms": AT, "actor": known, "v": 1},
        {"kind": "like", "account": "y", "at_ms": AT, "actor": "ann"},
    ]
    read = rows(file(tmp_path, "a.jsonl", "\n".join(map(json.dumps, lines))))
    found = [identified(row, registry) for row in read]
    assert found[3] is None, "nobody configured it"
    people = [(event.actor, event.own) for event in found if isinstance(event, Event)]
    assert people == [(known, False), (registry.pseudonym("bakery", "baker"), True), (known, False)]
