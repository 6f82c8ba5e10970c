"""The embedded log: topics, partitions and offsets in one SQLite file, for several processes at once.

A record's row id is ``tp << 40 | offset``, so that reading a partition is one range scan. Write-ahead
logging lets readers and one writer work together.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from resonanz_streams.errors import StopError
from resonanz_streams.topics import partition_of_key
from resonanz_streams.transports.ports import Headers, Outgoing, Record
from resonanz_streams.transports.sqlite_schema import BUSY_SECONDS, connect, explained
from resonanz_streams.transports.sqlite_values import given, kept

OFFSET_BITS: Final = 40
_CHUNK_ROWS: Final = 10_000
_CHUNK_BYTES: Final = 16 * 2**20
_Row = tuple[int, int, bytes | None, bytes | None, bytes | None]


class SqliteLog:
    """Appends and reads. Thread-safe: one connection under a lock."""

    def __init__(self, path: Path, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection = connect(path, busy_seconds)
        self._inode = path.stat().st_ino
        self._topics: dict[str, dict[int, int]] = {}
        self._compacted: set[str] = set()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, explained(self.path):
            yield self._connection

    @contextmanager
    def _begun(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection:
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, durable at the end; writers wait for each other.

        Raises:
            RetryError: locked for too long, or the disk is full: nothing was written.
            StopError: the file is not usable, or no longer where it was.
        """
        self._check_place()
        with self._begun("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Several reads of one moment; nobody waits for them."""
        with self._begun("BEGIN") as connection:
            yield connection

    def _check_place(self) -> None:
        # Else this process would go on writing to a file that nobody else can see.
        try:
            same = os.stat(self.path).st_ino == self._inode  # noqa: PTH116  # once an append: half the time
        except OSError:
            same = False
        if not same:
            raise StopError(f"{self.path}: was moved or deleted while in use; start again")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    # -- topics ------------------------------------------------------------------------------------

    def create_topic(self, name: str, partitions: int, cleanup: str) -> None:
        """Make a topic; what exists stays as it is."""
        with self.transaction() as connection:
            if connection.execute("SELECT 1 FROM topics WHERE name = ?", (name,)).fetchone():
                return
            connection.executemany(
                "INSERT INTO topics (name, partition, cleanup) VALUES (?, ?, ?)",
                [(name, number, cleanup) for number in range(partitions)],
            )

    def partitions(self, name: str) -> Mapping[int, int]:
        """The internal number of each partition; empty if the topic does not exist."""
        known = self._topics.get(name)
        if known:
            return known
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT partition, tp, cleanup FROM topics WHERE name = ? ORDER BY partition", (name,)
            ).fetchall()
            if rows:
                self._topics[name] = {partition: tp for partition, tp, _ in rows}
                if rows[0][2] == "compact":
                    self._compacted.add(name)
        return self._topics.get(name, {})

    def cleanup(self, name: str) -> str | None:
        """``delete`` or ``compact``; None if the topic does not exist."""
        if not self.partitions(name):
            return None
        return "compact" if name in self._compacted else "delete"

    def end_offsets(self, name: str) -> dict[int, int]:
        """The offset after the last record, per partition; empty if the topic does not exist."""
        with self._reading() as connection:
            query = "SELECT partition, next FROM topics WHERE name = ? ORDER BY partition"
            return dict(connection.execute(query, (name,)).fetchall())

    def first_offset(self, name: str, partition: int) -> int:
        """The earliest record's offset, or where the next one will be."""
        return self.first(name, partition)[0]

    def first(self, name: str, partition: int) -> tuple[int, int | None]:
        """The earliest record's offset and when it was written; without any, where the next one will be."""
        query = "SELECT id, at_ms FROM log WHERE id >= ? AND id < ? ORDER BY id LIMIT 1"
        with self.snapshot() as connection:
            row = connection.execute(query, _span(self._tp(name, partition), 0)).fetchone()
            return (_offset(row[0]), row[1]) if row else (self.end_offsets(name)[partition], None)

    def _tp(self, topic: str, partition: int) -> int:
        known = self.partitions(topic)
        if not known:
            raise StopError(f"topic {topic} does not exist; make it with: resonanz topics --create")
        if partition not in known:
            raise StopError(
                f"topic {topic} has {len(known)} partitions, no number {partition}; "
                f"write partitions: {len(known)}, or use another database file"
            )
        return known[partition]

    # -- records -----------------------------------------------------------------------------------

    def partition_for(self, record: Outgoing) -> int:
        """Where ``record`` belongs: its partition, else by its key; without a key the first.

        Raises:
            StopError: the topic does not exist.
        """
        if record.partition is not None:
            return record.partition
        if record.key is None:
            return 0
        return partition_of_key(record.key, len(self.partitions(record.topic)) or self._tp(record.topic, 0))

    def append(self, records: Iterable[Outgoing], at_ms: int) -> dict[tuple[str, int], int]:
        """Write records in one transaction; returns the next offset of each partition written to.

        Raises:
            StopError: a topic or partition does not exist, or the file is not usable.
            RetryError: nothing was written; try again.
        """
        with self.transaction() as connection:
            return self.append_within(connection, records, at_ms)

    def append_within(
        self, connection: sqlite3.Connection, records: Iterable[Outgoing], at_ms: int
    ) -> dict[tuple[str, int], int]:
        """As :meth:`append`, as part of a transaction that is open already."""
        places: dict[tuple[str, int], list[Outgoing]] = {}
        for record in records:
            places.setdefault((record.topic, self.partition_for(record)), []).append(record)
        ends = {}
        for (topic, partition), batch in places.items():
            tp = self._tp(topic, partition)
            start = connection.execute("SELECT next FROM topics WHERE tp = ?", (tp,)).fetchone()[0]
            first = tp << OFFSET_BITS | start
            rows = [
                (number, at_ms, record.key, _pack(record.headers), record.value)
                for number, record in enumerate(batch, first)
            ]
            if topic in self._compacted:
                rows = _newest(topic, rows)
                _supersede(connection, tp, rows)
            connection.executemany(
                "INSERT INTO log (id, at_ms, key, headers, value) VALUES (?, ?, ?, ?, ?)", rows
            )
            ends[topic, partition] = start + len(batch)
            connection.execute("UPDATE topics SET next = ? WHERE tp = ?", (start + len(batch), tp))
        return ends

    def read(self, topic: str, partition: int, offset: int, max_bytes: int) -> list[Record]:
        """Records from ``offset`` on, in offset order, until ``max_bytes`` of values are reached; at least
        one if there is any."""
        found, size = [], 0
        query = "SELECT id, key, value, headers FROM log WHERE id >= ? AND id < ? ORDER BY id"
        with self._reading() as connection:
            cursor = connection.execute(query, _span(self._tp(topic, partition), offset))
            compacted = topic in self._compacted
            for number, key, stored, headers in cursor:
                value = given(stored) if compacted else stored
                found.append(Record(topic, partition, _offset(number), key, value, _unpack(headers)))
                size += len(value or b"")
                if size >= max_bytes:
                    break
            cursor.close()
        return found

    def version(self) -> int:
        """A number that changes whenever another connection has written."""
        self._check_place()
        with self._reading() as connection:
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def remove_before(self, topic: str, partition: int, before_ms: int, below: int) -> int:
        """Delete the oldest records written before ``before_ms``, below offset ``below``; returns how many.

        At most a chunk, so that no other writer waits long: call again until it returns 0.
        """
        with self.transaction() as connection:
            first, _ = _span(self._tp(topic, partition), 0)
            count, size, last = 0, 0, first - 1
            # ``length`` of a blob is in the row's head: the value itself is not read.
            for number, at_ms, length in connection.execute(
                "SELECT id, at_ms, length(value) FROM log WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
                (first, first + below, _CHUNK_ROWS),
            ):
                if at_ms >= before_ms or size >= _CHUNK_BYTES:
                    break
                count, size, last = count + 1, size + (length or 0), number
            if count:
                connection.execute("DELETE FROM log WHERE id >= ? AND id <= ?", (first, last))
        return count


def _newest(topic: str, rows: Sequence[_Row]) -> list[_Row]:
    """Of each key the last row, in order, its value as it is stored."""
    newest = {row[2]: (*row[:4], kept(row[4])) for row in rows}
    if None in newest:
        raise StopError(f"topic {topic} keeps the newest record of each key; give the record a key")
    return sorted(newest.values())


def _supersede(connection: sqlite3.Connection, tp: int, rows: Sequence[_Row]) -> None:
    """Take away what ``rows``, one of each key, replace."""
    stale = []
    for row in rows:
        old = connection.execute("SELECT id FROM latest WHERE tp = ? AND key = ?", (tp, row[2])).fetchone()
        if old:
            stale.append(old)
    connection.executemany("DELETE FROM log WHERE id = ?", stale)
    connection.executemany(
        "INSERT OR REPLACE INTO latest (tp, key, id) VALUES (?, ?, ?)", [(tp, row[2], row[0]) for row in rows]
    )


def _span(tp: int, offset: int) -> tuple[int, int]:
    return tp << OFFSET_BITS | offset, (tp + 1) << OFFSET_BITS


def _offset(number: int) -> int:
    return number & ((1 << OFFSET_BITS) - 1)


def _pack(headers: Headers) -> bytes | None:
    return msgspec.msgpack.encode(list(headers)) if headers else None


def _unpack(data: bytes | None) -> Headers:
    return msgspec.msgpack.decode(data, type=list[tuple[str, bytes]]) if data else ()


class ChangeWaiter:
    """Waits, in a thread of the caller's, until another connection writes."""

    def __init__(self, log: SqliteLog, pause_seconds: float = 0.02) -> None:
        self._log = log
        self._pause = pause_seconds
        self._seen = log.version()
        self._closed = threading.Event()

    def wait(self, timeout_seconds: float) -> bool:
        """True if something was written since the last call that said so."""
        end = time.monotonic() + timeout_seconds
        while (version := self._log.version()) == self._seen:
            if time.monotonic() >= end or self._closed.wait(self._pause):
                return False
        self._seen = version
        return True

    def close(self) -> None:
        """End a wait that is going on, and all later ones."""
        self._closed.set()
