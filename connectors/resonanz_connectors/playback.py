"""Files as one sequence of records in time: what they hold, and chunks of it ready to publish."""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from xxhash import xxh3_64

from resonanz_connectors.batch import DeadLetter, address
from resonanz_connectors.rows import Record, Row, identified, read_rows, read_together
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.events import Audience, Event
from resonanz_streams.registry import Registry
from resonanz_streams.transports.ports import Outgoing

CHUNK_ROWS: Final = 5_000
_RECORD_BYTES: Final = 200_000
_EDGE_BYTES: Final = 64 * 1024


@dataclass(slots=True)
class Survey:
    """What a file holds, found by reading it once. ``ordered``: no row is older than one before it."""

    rows: int = 0
    bad: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    ordered: bool = True
    accounts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Reading:
    """How the files are to be understood; see :mod:`resonanz_connectors.rows`. ``latest_ms``: later rows
    are bad ones; None if no time is too late."""

    files: tuple[Path, ...]
    mapping: Mapping[str, str]
    defaults: Mapping[str, Any]
    latest_ms: int | None = None

    @property
    def fingerprint(self) -> str:
        """Changes with the files' content (size and both ends) and with how they are understood."""
        digest = xxh3_64(orjson.dumps([dict(self.mapping), dict(self.defaults)], option=orjson.OPT_SORT_KEYS))
        for path in self.files:
            try:
                with path.open("rb") as file:
                    digest.update(file.read(_EDGE_BYTES))
                    size = file.seek(0, 2)
                    file.seek(max(0, size - _EDGE_BYTES))
                    digest.update(file.read() + str(size).encode())
            except OSError as error:
                raise ConfigurationError(f"{path}: cannot be read: {error.strerror or error}") from None
        return digest.hexdigest()

    def read(self, path: Path, *, after: int = 0) -> Iterator[Row]:
        """The rows of one file after row number ``after``.

        Raises:
            ConfigurationError: it cannot be read or understood.
        """
        return read_rows(path, self.mapping, self.defaults, after=after, latest_ms=self.latest_ms)

    def together(self, path: Path) -> Iterator[Row | list[Event]]:
        """The rows of one file; many that are events of ours may come in one list.

        Raises:
            ConfigurationError: it cannot be read or understood.
        """
        return read_together(path, self.mapping, self.defaults, latest_ms=self.latest_ms)

    def survey(self) -> list[Survey]:
        """Read every file once.

        Raises:
            ConfigurationError: a file cannot be read or understood.
        """
        return [self._survey(path) for path in self.files]

    def _survey(self, path: Path) -> Survey:
        found = Survey()
        for row in self.read(path):
            found.rows += 1
            if row.record is None:
                found.bad += 1
                continue
            at_ms = row.record.at_ms
            found.accounts[row.record.account] += 1
            found.ordered = found.ordered and (found.last_ms is None or at_ms >= found.last_ms)
            found.first_ms = at_ms if found.first_ms is None else min(found.first_ms, at_ms)
            found.last_ms = at_ms if found.last_ms is None else max(found.last_ms, at_ms)
        return found

    def rows(self, after: Sequence[int]) -> Iterator[tuple[int, int, Row]]:
        """(time, file number, row) of all files, merged by time, after these row numbers.

        A file's own order stays: a row older than the one before it comes right after that one.
        """
        streams = [self._timed(number, row_number) for number, row_number in enumerate(after)]
        return streams[0] if len(streams) == 1 else heapq.merge(*streams, key=_time)

    def _timed(self, number: int, after: int) -> Iterator[tuple[int, int, Row]]:
        at_ms = 0
        for row in self.read(self.files[number], after=after):
            if row.record is not None:
                at_ms = max(at_ms, row.record.at_ms)
            yield at_ms, number, row


def _time(row: tuple[int, int, Row]) -> int:
    return row[0]


@dataclass(slots=True)
class Chunk:
    """A few rows, ready to publish. ``positions``: the row to go on after, per file."""

    first_ms: int
    last_ms: int
    positions: tuple[int, ...]
    records: list[Outgoing] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    last_event_ms: dict[str, int] = field(default_factory=dict)
    published: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    rows: int = 0


class Press:
    """Turns rows into chunks: pseudonyms, moved times, several lines in one record.

    Rows of accounts other than ``accounts`` are counted as unknown.
    """

    def __init__(self, registry: Registry, accounts: Mapping[str, object], shift_ms: int) -> None:
        self._registry = registry
        self._accounts = accounts
        self._shift_ms = shift_ms
        self._lines: dict[tuple[str, str], list[bytes]] = {}

    def chunks(self, reading: Reading, after: Sequence[int], slice_ms: int | None) -> Iterator[Chunk]:
        """All rows after ``after``, in chunks of less than ``slice_ms`` of the files' own time."""
        positions = list(after)
        chunk: Chunk | None = None
        for at_ms, number, row in reading.rows(after):
            if chunk is not None and (
                chunk.rows >= CHUNK_ROWS or (slice_ms is not None and at_ms >= chunk.first_ms + slice_ms)
            ):
                yield self._closed(chunk, positions)
                chunk = None
            if chunk is None:
                chunk = Chunk(at_ms, at_ms, ())
            self._add(chunk, row, reading.files[number].name)
            chunk.last_ms = at_ms
            positions[number] = row.number
        if chunk is not None:
            yield self._closed(chunk, positions)

    def _add(self, chunk: Chunk, row: Row, origin: str) -> None:
        chunk.rows += 1
        if row.bad is not None:
            letter = DeadLetter(row.bad.raw, row.bad.reason, row.bad.error, origin, offset=row.number)
            chunk.dead_letters.append(letter)
            return
        record = identified(row, self._registry)
        if record is None or record.account not in self._accounts:
            chunk.unknown[row.record.account if row.record else ""] += 1
            return
        self._shift(record)
        addressed = address(record)
        self._lines.setdefault((addressed.topic, record.account), []).append(addressed.value or b"")
        chunk.published[addressed.topic] += 1
        if not isinstance(record, Audience):
            newest = chunk.last_event_ms.get(record.account, record.at_ms)
            chunk.last_event_ms[record.account] = max(newest, record.at_ms)

    def _shift(self, record: Record) -> None:
        record.at_ms += self._shift_ms
        if isinstance(record, Event) and record.seen_ms is not None:
            record.seen_ms += self._shift_ms

    def _closed(self, chunk: Chunk, positions: Sequence[int]) -> Chunk:
        chunk.positions = tuple(positions)
        for (topic, account), values in self._lines.items():
            pack: list[bytes] = []
            size = 0
            for value in values:
                if pack and size + len(value) > _RECORD_BYTES:
                    chunk.records.append(Outgoing(topic, account.encode(), b"\n".join(pack)))
                    pack, size = [], 0
                pack.append(value)
                size += len(value) + 1
            chunk.records.append(Outgoing(topic, account.encode(), b"\n".join(pack)))
        self._lines = {}
        return chunk
