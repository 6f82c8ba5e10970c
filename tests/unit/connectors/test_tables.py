"""Files of every format, good and bad."""

import gzip
import json
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.connectors.tables_of import AT, events, file, rows

from resonanz_connectors.rows import read_rows
from resonanz_connectors.tables import MAX_LINE
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.events import Event

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


def test_bad_parquet_cells(tmp_path: Path) -> None:
    latin = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff")]
    )
    times = pa.array([2**60, AT], pa.timestamp("ms"))
    for column, cells in (("id", latin), ("seen_ms", times)):
        table = pa.table({"kind": ["like"] * 2, "account": ["x"] * 2, "at_ms": [AT] * 2, column: cells})
        pq.write_table(table, tmp_path / "a.parquet")
        read = rows(tmp_path / "a.parquet")
        (bad,) = [row for row in read if row.bad]
        assert (bad.bad and bad.bad.reason, bad.bad and bad.bad.error.partition(":")[0]) == (
            "wrong_type",
            column,
        )
        assert [row.number for row in read] == [1, 2]
        assert len(events(tmp_path / "a.parquet")) == 1


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    text = [{"kind": "like", "account": "x", "at_ms": AT, "id": str(n)} for n in range(20_000)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(text), path, row_group_size=5_000)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2_000] = bytes(2_000)
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match=r"a\.parquet: (is damaged after row \d+|cannot be read: )"):
        rows(path)


def test_it_goes_on_after_a_row(tmp_path: Path) -> None:
    text = f"kind,account,at_ms\nlike,x,{AT}\nlike,x\nlike,x,{AT + 2}\n"
    path = file(tmp_path, "a.csv", text)
    assert [row.number for row in rows(path, after=2)] == [3, 4]
    assert rows(path, after=4) == []


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    line = f"like,file:x,{AT},{'o' * 400}\n"
    path = file(tmp_path, "a.csv.gz", gzip.compress(("kind,account,at_ms,object\n" + line * 20_000).encode()))
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_rows(path, {}, {})) == 20_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000, "the text has 8.5 MB"


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


def test_a_header_that_is_no_utf8_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = file(tmp_path, "a.csv", b"kind,account,at_ms,na\xffme\nlike,file:x,1520812800000,1\n")
    with pytest.raises(ConfigurationError) as caught:
        rows(path)
    assert str(caught.value) == f"{path}: its first line is no header: not UTF-8 at byte 21 of the line"
