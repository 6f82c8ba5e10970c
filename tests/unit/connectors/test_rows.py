"""Rows of files become events, posts and audience snapshots, or say why not."""

import gzip
import json
import tracemalloc
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resonanz_connectors.cells import account_id, time_ms
from resonanz_connectors.rows import Row, identified, read_rows
from resonanz_connectors.tables import MAX_LINE
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.events import Audience, Event, Post
from resonanz_streams.registry import Registry, build_registry
from resonanz_streams.settings import settings_of

DATA = Path(__file__).parents[2] / "data"
AT = 1_520_812_800_000  # 2018-03-12 00:00 UTC


def rows(
    path: Path, mapping: Mapping[str, str] | None = None, *, after: int = 0, **defaults: Any
) -> list[Row]:
    return list(read_rows(path, mapping or {}, defaults, after=after))


def events(*arguments: Any, **defaults: Any) -> list[Event]:
    return [row.record for row in rows(*arguments, **defaults) if isinstance(row.record, Event)]


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


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
    assert len(read) == 100
    first = path.read_text().splitlines()[1].split("\t")
    assert read[0].account == f"file:{first[0]}"
    assert (read[0].actor, read[0].object, read[0].at_ms) == (first[1], first[2], int(first[4]))
    assert len({event.id for event in read}) == 100


# -- formats -----------------------------------------------------------------------------------------

LINES: list[dict[str, Any]] = [
    {"kind": "like", "id": "a", "account": "file:x", "actor": "ann", "at_ms": AT},
    {"kind": "comment", "id": "b", "account": "file:x", "actor": None, "at_ms": AT + 1},
]


def test_every_format_says_the_same(tmp_path: Path) -> None:
    names = list(LINES[0])
    text = "\n".join([",".join(names), *(",".join(str(r[n] or "") for n in names) for r in LINES)])
    paths = [
        file(tmp_path, "a.csv", text),
        file(tmp_path, "b.csv", "\ufeff" + text.replace(",", ";").replace("\n", "\r\n") + "\r\n\r\n"),
        file(tmp_path, "c.tsv", text.replace(",", "\t")),
        file(tmp_path, "d.csv.gz", gzip.compress(text.encode())),
        file(tmp_path, "e.jsonl", "\n\n".join(map(json.dumps, LINES))),
        file(tmp_path, "f.ndjson.gz", gzip.compress("\n".join(map(json.dumps, LINES)).encode())),
    ]
    pq.write_table(pa.Table.from_pylist(LINES), tmp_path / "g.parquet")
    paths.append(tmp_path / "g.parquet")
    paths.append(file(tmp_path, "h.parquet.gz", gzip.compress((tmp_path / "g.parquet").read_bytes())))
    wanted = [
        Event(id="a", source="file", kind="like", account="file:x", actor="ann", at_ms=AT),
        Event(id="b", source="file", kind="comment", account="file:x", at_ms=AT + 1),
    ]
    for path in paths:
        assert events(path) == wanted, path.name


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


@pytest.mark.parametrize("cell", ["", "yesterday", "nan", "inf", True, None, "1e30", [1], "2018-13-01"])
def test_no_times(cell: Any) -> None:
    with pytest.raises((ValueError, TypeError, ArithmeticError)):
        time_ms(cell)


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


# -- bad rows ----------------------------------------------------------------------------------------


def test_bad_rows_say_why_and_the_others_count(tmp_path: Path) -> None:
    text = (
        b"kind,account,at_ms,count\n"
        b"like,x,1520812800000,1\n"
        b"like,x\n"
        b"like,x,noon,1\n"
        b"clap,x,1520812800000,1\n"
        b"like,,1520812800000,1\n"
        b"like,x,1520812800000,many\n"
        b"like,x,-5,1\n"
        b"like,\xff,1520812800000,1\n"
        b'like,"x\ny",1520812800000,1\n'
        b"like,x,1520812800001,2\n"
    )
    read = rows(file(tmp_path, "a.csv", text))
    assert [(row.number, row.bad.reason) for row in read if row.bad] == [
        (3, "wrong_type"),
        (4, "wrong_type"),
        (5, "wrong_topic"),
        (6, "wrong_type"),
        (7, "wrong_type"),
        (8, "time_out_of_range"),
        (9, "wrong_type"),
    ]
    assert [row.number for row in read if row.record] == [2, 10, 12]
    bad = [row.bad for row in read if row.bad]
    assert (bad[0].raw, bad[0].error) == (b"like,x", "2 cells where the header has 4")
    assert bad[6].raw == b"like,\xff,1520812800000,1"


def test_bad_json_lines(tmp_path: Path) -> None:
    good = json.dumps({"kind": "like", "account": "x", "at_ms": AT})
    newer = json.dumps({"v": 2, "kind": "like", "account": "x", "at_ms": AT})
    long = b'"' + b"x" * (MAX_LINE + 5) + b'"'
    path = file(
        tmp_path, "a.jsonl", b"\n".join([good.encode(), b"{", b"[]", newer.encode(), long, good.encode()])
    )
    read = rows(path)
    assert [(row.number, row.bad.reason) for row in read if row.bad] == [
        (2, "not_json"),
        (3, "wrong_type"),
        (4, "unknown_version"),
        (5, "too_large"),
    ]
    assert [row.number for row in read if row.record] == [1, 6]


def test_it_goes_on_after_a_row(tmp_path: Path) -> None:
    text = f"kind,account,at_ms\nlike,x,{AT}\nlike,x\nlike,x,{AT + 2}\n"
    path = file(tmp_path, "a.csv", text)
    assert [row.number for row in rows(path, after=2)] == [3, 4]
    assert rows(path, after=4) == []


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    line = f"like,file:x,{AT},{'o' * 400}\n"
    path = file(tmp_path, "a.csv.gz", gzip.compress(("kind,account,at_ms,object\n" + line * 40_000).encode()))
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_rows(path, {}, {})) == 40_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000, "the text has 17 MB"


# -- what a file must be -----------------------------------------------------------------------------


CUT_OFF = gzip.compress(b"kind,account,at_ms\n" * 99)[:-9]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"kind\0", "holds binary data, not UTF-8 text; save it as UTF-8"),
        ("a.csv", "kind,at".encode("utf-16"), "holds UTF-16 data, not UTF-8 text; save it as UTF-8"),
        ("a.xlsx", b"PK", "unknown format; the name must end in .csv, .tsv, .jsonl"),
        ("a.csv.gz", b"kind,at\n", "is not gzip data; remove .gz from its name"),
        ("a.csv.gz", CUT_OFF, "its compressed data is damaged or cut off; copy it again"),
        ("a.parquet", b"no parquet at all", "is not a Parquet file that can be read"),
        ("a.csv", b"kind,kind\n", "the column 'kind' stands there twice; rename one"),
    ],
)
def test_files_that_are_none(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        rows(file(tmp_path, name, content))
    assert sentence in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        rows(tmp_path / "a.csv")


HEADER = "time_ms,kind,account\n1,like,x\n"
THERE = "there are: time_ms, kind, account (the nearest is time_ms)"


@pytest.mark.parametrize(
    ("content", "mapping", "sentence"),
    [
        (HEADER, {}, f"has no column 'at_ms'; write --map at_ms=COLUMN; {THERE}"),
        (HEADER, {"at_ms": "time"}, f"has no column 'time'; {THERE}"),
        (HEADER, {"atms": "time_ms"}, "--map atms=time_ms: 'atms' is no field; there are: topic, v, id"),
        (HEADER.replace("account", "who"), {"at_ms": "time_ms"}, "--map account=COLUMN or --account ID"),
        (HEADER.replace("kind", "what"), {"at_ms": "time_ms"}, "does not say what its rows are"),
    ],
)
def test_columns_that_are_missing(
    tmp_path: Path, content: str, mapping: Mapping[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        rows(file(tmp_path, "a.csv", content), mapping)
    assert sentence in str(caught.value)


def test_json_fields_that_are_missing(tmp_path: Path) -> None:
    path = file(tmp_path, "a.jsonl", '{"when": 1, "kind": "like", "account": "x"}\n')
    with pytest.raises(ConfigurationError, match="has no column 'at_ms'"):
        rows(path)


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
