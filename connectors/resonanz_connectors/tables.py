"""Opens CSV, TSV, JSON Lines and Parquet files, plain or gzipped, and yields their rows one by one.

Whatever the size of the file, memory holds one line (at most 1 MiB), a few hundred if they are to be read
together, or for Parquet one row group.
"""

import csv
import gzip
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import msgspec
import orjson

from resonanz_streams.errors import ConfigurationError
from resonanz_streams.letters import Reason

MAX_LINE: Final = 2**20
SUFFIXES: Final = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_PEEK_ROWS: Final = 100
_SNIFF_BYTES: Final = 4096
_TOGETHER: Final = 512


Shortcut = Callable[[bytes], Any]
"""What a line of JSON says, if that can be told without taking it apart into cells, else None."""

Together = Callable[[Sequence[bytes]], list[Any] | None]
"""The same for lines that follow each other."""


class RawRow(msgspec.Struct, frozen=True, gc=False):
    """A row as the file has it.

    ``number`` is the line that it begins on, counted from 1 (Parquet: the row), and grows from row to
    row. ``cells`` is empty and ``problem`` says why if the row cannot be taken apart; it is empty too
    if a shortcut gave ``content``, which is a list if it is that of many rows up to this one.
    """

    number: int
    cells: Mapping[str, Any]
    raw: bytes | None = None
    problem: tuple[Reason, str] | None = None
    content: Any = None

    def data(self) -> bytes:
        """The row's bytes, for a dead letter; of a Parquet row its cells as JSON."""
        return orjson.dumps(self.cells, default=str) if self.raw is None else self.raw


@dataclass(frozen=True, slots=True)
class Table:
    """``columns`` of a JSON Lines file are the fields that its first 100 rows have."""

    columns: tuple[str, ...]
    rows: Iterator[RawRow]


@contextmanager
def open_table(
    path: Path, shortcut: Shortcut | None = None, together: Together | None = None
) -> Iterator[Table]:
    """The file's columns and rows. ``together`` is tried on some lines of JSON Lines, then ``shortcut`` on
    each of them.

    Raises:
        ConfigurationError: it does not exist, cannot be read, is empty, or is of no known format; also
            while its rows are read, where compressed data is damaged.
    """
    read = _format_of(path)
    try:
        with ExitStack() as files:
            file: BinaryIO = files.enter_context(path.open("rb"))
            if not file.read(1):
                raise ConfigurationError(f"{path}: the file is empty")
            file.seek(0)
            if path.suffix.lower() == ".gz":
                file = cast("BinaryIO", files.enter_context(gzip.GzipFile(fileobj=file)))
                if read is _parquet:
                    # It is read from its end: unpacked on disk, not in memory.
                    unpacked = files.enter_context(tempfile.TemporaryFile())
                    shutil.copyfileobj(file, unpacked)
                    file = unpacked
            yield _json_lines(path, file, shortcut, together) if read is _json_lines else read(path, file)
    except gzip.BadGzipFile:
        raise ConfigurationError(f"{path}: is not gzip data; remove .gz from its name") from None
    except (EOFError, zlib.error):
        raise ConfigurationError(
            f"{path}: its compressed data is damaged or cut off; copy it again"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror or error}") from None


def _format_of(path: Path) -> Callable[[Path, BinaryIO], Table]:
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".csv"):
        return _csv
    if name.endswith(".tsv"):
        return _csv
    if name.endswith((".jsonl", ".ndjson")):
        return _json_lines
    if name.endswith(".parquet"):
        return _parquet
    raise ConfigurationError(
        f"{path}: unknown format; the name must end in {', '.join(SUFFIXES)}, or one of those and .gz"
    )


def _lines(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """Lines without end: one longer than MAX_LINE comes as MAX_LINE + 1 bytes, its rest is skipped."""
    begin = file.readline(_SNIFF_BYTES)
    if b"\0" in begin:
        kind = "UTF-16" if begin[:2] in {b"\xff\xfe", b"\xfe\xff"} else "binary"
        raise ConfigurationError(f"{path}: holds {kind} data, not UTF-8 text; save it as UTF-8")
    if not begin.endswith(b"\n"):
        begin += file.readline(MAX_LINE - len(begin) + 1)
    line = begin.removeprefix(b"\xef\xbb\xbf")
    while line:
        rest = line
        while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE + 1)
        yield line
        line = file.readline(MAX_LINE + 1)


# -- CSV and TSV -------------------------------------------------------------------------------------


class _Feed:
    """Lines for ``csv.reader``, which remembers the bytes of the row that is being read."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self.number = 0
        self.taken: list[bytes] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.number += 1
            self.taken.append(line)
            # Undecodable bytes must not end the reading: _text_problem finds them again.
            yield line.decode("utf-8", "surrogateescape")


def _csv(path: Path, file: BinaryIO) -> Table:
    lines = _lines(path, file)
    header = next(lines)
    delimiter = _delimiter(path, header)
    feed = _Feed(chain([header], lines))
    reader = csv.reader(feed, delimiter=delimiter)
    try:
        # Some exports (Klout) mark every name of the header with a #.
        columns = tuple(name.strip().removeprefix("#").strip() for name in next(reader))
    except csv.Error as error:
        raise ConfigurationError(f"{path}: its first line is no header: {error}") from None
    if problem := _text_problem(feed.taken):
        raise ConfigurationError(f"{path}: its first line is no header: {problem[1]}")
    if twice := sorted({name for name in columns if columns.count(name) > 1 and name}):
        raise ConfigurationError(f"{path}: the column {twice[0]!r} stands there twice; rename one")
    return Table(columns, _csv_rows(feed, reader, columns))


def _delimiter(path: Path, header: bytes) -> str:
    """Tabs in .tsv; in .csv commas, or semicolons if the header has those and no comma."""
    if ".tsv" in path.name.lower():
        return "\t"
    return ";" if b";" in header and b"," not in header else ","


def _csv_rows(feed: _Feed, reader: Iterator[list[str]], columns: tuple[str, ...]) -> Iterator[RawRow]:
    width = len(columns)
    while True:
        first = feed.number + 1
        feed.taken.clear()
        cells: list[str] | None
        problem: tuple[Reason, str] | None = None
        try:
            cells = next(reader, None)
        except csv.Error as error:
            cells, problem = [], ("too_large", f"not CSV: {error}")
        if cells is None:
            return
        if not cells and problem is None:
            continue
        problem = problem or _text_problem(feed.taken)
        if problem is None and len(cells) != width:
            problem = "wrong_type", f"{len(cells)} cells where the header has {width}"
        if problem:
            yield RawRow(first, {}, _unended(b"".join(feed.taken)), problem)
        else:
            row = dict(zip(columns, cells, strict=True))
            yield RawRow(first, row, _unended(b"".join(feed.taken)))


def _unended(line: bytes) -> bytes:
    return line.rstrip(b"\r\n")


def _text_problem(lines: list[bytes]) -> tuple[Reason, str] | None:
    for line in lines:
        if len(line) > MAX_LINE:
            return "too_large", f"a line longer than {MAX_LINE} bytes"
        if not line.isascii():
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return "wrong_type", f"not UTF-8 at byte {error.start} of the line"
    return None


# -- JSON Lines --------------------------------------------------------------------------------------


def _json_lines(
    path: Path, file: BinaryIO, shortcut: Shortcut | None = None, together: Together | None = None
) -> Table:
    lines = enumerate(_lines(path, file), 1)
    begin = [_json_row(number, line) for number, line in islice(lines, _PEEK_ROWS) if not line.isspace()]
    columns = {name: None for row in begin for name in row.cells}
    rows = _json_rows(lines, shortcut) if together is None else _json_blocks(lines, shortcut, together)
    return Table(tuple(columns), chain(begin, rows))


def _json_blocks(
    lines: Iterator[tuple[int, bytes]], shortcut: Shortcut | None, together: Together
) -> Iterator[RawRow]:
    while block := list(islice(lines, _TOGETHER)):
        content = together([line for _, line in block])
        if content is None:
            yield from _json_rows(iter(block), shortcut)
        else:
            yield RawRow(block[-1][0], {}, None, None, content)


def _json_rows(lines: Iterator[tuple[int, bytes]], shortcut: Shortcut | None) -> Iterator[RawRow]:
    for number, line in lines:
        if shortcut is not None and (content := shortcut(line)) is not None:
            yield RawRow(number, {}, line, None, content)
        elif not line.isspace():
            yield _json_row(number, line)


def _json_row(number: int, line: bytes) -> RawRow:
    line = _unended(line)
    if len(line) > MAX_LINE:
        return RawRow(number, {}, line, ("too_large", f"a line longer than {MAX_LINE} bytes"))
    try:
        cells = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return RawRow(number, {}, line, ("not_json", str(error)))
    if not isinstance(cells, dict):
        return RawRow(number, {}, line, ("wrong_type", "not a JSON object"))
    return RawRow(number, cells, line)


# -- Parquet -----------------------------------------------------------------------------------------


def _parquet(path: Path, file: BinaryIO) -> Table:
    from resonanz_connectors.parquet import read_parquet

    return read_parquet(path, file)
