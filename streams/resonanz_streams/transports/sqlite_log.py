"""The embedded log: topics, partitions and offsets in one SQLite file, for several processes at once.

A record's row id is ``tp << 40 | offset``, so that reading a partition is one range scan. Write-ahead
logging lets readers and one writer work together; ``synchronous=FULL`` keeps the tail after a power
loss, else offsets that the state already counts could be given out again.
"""

import fcntl
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from resonanz_streams.errors import ConfigurationError, RetryError, StopError
from resonanz_streams.topics import partition_of
from resonanz_streams.transports.ports import Headers, Outgoing, Record

OFFSET_BITS: Final = 40
BUSY_SECONDS: Final = 30.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS topics (
  tp INTEGER PRIMARY KEY, name TEXT NOT NULL, partition INTEGER NOT NULL, cleanup TEXT NOT NULL,
  next INTEGER NOT NULL DEFAULT 0, UNIQUE (name, partition));
CREATE TABLE IF NOT EXISTS log (
  id INTEGER PRIMARY KEY, key BLOB, value BLOB, headers BLOB, at_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS latest (
  tp INTEGER NOT NULL, key BLOB NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (tp, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (
  grp TEXT NOT NULL, partition INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,
  UNIQUE (grp, partition, key));
CREATE TABLE IF NOT EXISTS offsets (
  grp TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
  PRIMARY KEY (grp, topic, partition)) WITHOUT ROWID;
"""


def path_of(url: str) -> Path:
    """The file of ``sqlite:///relative.db`` or ``sqlite:////absolute.db``.

    Raises:
        ConfigurationError: any other URL.
    """
    parts = urlsplit(url)
    if parts.scheme != "sqlite" or parts.netloc or len(parts.path) < 2:
        raise ConfigurationError(f"broker: {url!r} names no file; write sqlite:///resonanz.db")
    return Path(parts.path[1:])


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into a sentence that says what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "full" in text:
            raise RetryError(f"{path}: the disk is full; free some space, writing goes on by itself") from None
        if "locked" in text or "busy" in text:
            raise RetryError(
                f"{path}: another process has locked the database for over {BUSY_SECONDS:.0f} s"
            ) from None
        if "unable to open" in text or "readonly" in text:
            raise StopError(f"{path}: cannot be written; check the folder and its permissions") from None
        raise StopError(f"{path}: {text}") from None
    except sqlite3.DatabaseError as error:
        raise StopError(f"{path}: is no usable database ({error}); move it away to begin anew") from None


def connect(path: Path) -> sqlite3.Connection:
    """A connection for use by several threads under a lock, with the tables made.

    Raises:
        StopError: the file cannot be used.
        RetryError: locked or full for now.
    """
    with explained(path):
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        return connection


class SqliteLog:
    """Appends and reads. Thread-safe: one connection under a lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection = connect(path)
        self._topics: dict[str, dict[int, int]] = {}
        self._compacted: set[str] = set()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, durable at the end; writers wait for each other.

        Raises:
            RetryError: locked for too long, or the disk is full: nothing was written.
            StopError: the file is not usable.
        """
        with self._lock, explained(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    # -- topics ------------------------------------------------------------------------------------

    def create_topic(self, name: str, partitions: int, cleanup: str) -> None:
        """Make a topic; what exists stays as it is."""
        with self.transaction() as connection:
            for number in range(partitions):
                connection.execute(
                    "INSERT OR IGNORE INTO topics (name, partition, cleanup) VALUES (?, ?, ?)",
                    (name, number, cleanup),
                )

    def partitions(self, name: str) -> Mapping[int, int]:
        """The internal number of each partition; empty if the topic does not exist."""
        known = self._topics.get(name)
        if known:
            return known
        with self._lock, explained(self.path):
            rows = self._connection.execute(
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
        """The offset after the last record, per partition."""
        with self._lock, explained(self.path):
            return dict(
                self._connection.execute("SELECT partition, next FROM topics WHERE name = ?", (name,)).fetchall()
            )

    def first_offset(self, name: str, partition: int) -> int:
        """The earliest record's offset, or where the next one will be."""
        tp = self.partitions(name)[partition]
        with self._lock, explained(self.path):
            row = self._connection.execute(
                "SELECT min(id) FROM log WHERE id >= ? AND id < ?", _span(tp, 0)
            ).fetchone()
        return _offset(row[0]) if row[0] is not None else self.end_offsets(name)[partition]

    # -- records -----------------------------------------------------------------------------------

    def append(self, records: Iterable[Outgoing], at_ms: int) -> dict[tuple[str, int], int]:
        """Write records in one transaction; returns the next offset of each partition written to.

        Raises:
            StopError: a topic does not exist.
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
            places.setdefault((record.topic, self._partition(record)), []).append(record)
        ends = {}
        for (topic, partition), batch in places.items():
            tp = self.partitions(topic)[partition]
            start = connection.execute("SELECT next FROM topics WHERE tp = ?", (tp,)).fetchone()[0]
            rows = [
                (tp << OFFSET_BITS | start + i, record.key, record.value, _pack(record.headers), at_ms)
                for i, record in enumerate(batch)
            ]
            connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?)", rows)
            if topic in self._compacted:
                self._supersede(connection, tp, rows)
            ends[topic, partition] = start + len(rows)
            connection.execute("UPDATE topics SET next = ? WHERE tp = ?", (start + len(rows), tp))
        return ends

    def _partition(self, record: Outgoing) -> int:
        known = self.partitions(record.topic)
        if not known:
            raise StopError(f"topic {record.topic} does not exist; make it with: resonanz topics --create")
        if record.partition is not None:
            return record.partition
        return partition_of(record.key.decode(), len(known)) if record.key is not None else 0

    def _supersede(
        self, connection: sqlite3.Connection, tp: int, rows: Sequence[tuple[int, bytes | None, bytes | None, bytes | None, int]]
    ) -> None:
        """Of each key only the newest record stays."""
        newest = {row[1]: row[0] for row in rows if row[1] is not None}
        stale = [(row[0],) for row in rows if row[1] is not None and newest[row[1]] != row[0]]
        for key in newest:
            old = connection.execute("SELECT id FROM latest WHERE tp = ? AND key = ?", (tp, key)).fetchone()
            if old:
                stale.append(old)
        connection.executemany("DELETE FROM log WHERE id = ?", stale)
        connection.executemany(
            "INSERT OR REPLACE INTO latest VALUES (?, ?, ?)", [(tp, key, number) for key, number in newest.items()]
        )

    def read(self, topic: str, partition: int, offset: int, max_bytes: int) -> list[Record]:
        """Records from ``offset`` on, in offset order, until ``max_bytes`` of values are reached; at least
        one if there is any."""
        tp = self.partitions(topic)[partition]
        found, size = [], 0
        with self._lock, explained(self.path):
            cursor = self._connection.execute(
                "SELECT id, key, value, headers FROM log WHERE id >= ? AND id < ? ORDER BY id", _span(tp, offset)
            )
            for number, key, value, headers in cursor:
                found.append(Record(topic, partition, _offset(number), key, value, _unpack(headers)))
                size += len(value or b"") + 64
                if size >= max_bytes:
                    break
            cursor.close()
        return found

    def version(self) -> int:
        """A number that changes whenever another connection has written."""
        with self._lock, explained(self.path):
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def remove_before(self, topic: str, before_ms: int, limits: Mapping[int, int], at_most: int = 10_000) -> int:
        """Retention: delete up to ``at_most`` records written before ``before_ms`` and below the offsets
        in ``limits`` (per partition); returns how many went."""
        removed = 0
        for partition, limit in limits.items():
            first, _ = _span(self.partitions(topic)[partition], 0)
            with self.transaction() as connection:
                cursor = connection.execute(
                    "DELETE FROM log WHERE id IN (SELECT id FROM log WHERE id >= ? AND id < ? AND at_ms < ? LIMIT ?)",
                    (first, first + limit, before_ms, at_most),
                )
                removed += cursor.rowcount
        return removed


def _span(tp: int, offset: int) -> tuple[int, int]:
    return tp << OFFSET_BITS | offset, (tp + 1) << OFFSET_BITS


def _offset(number: int) -> int:
    return number & ((1 << OFFSET_BITS) - 1)


def _pack(headers: Headers) -> bytes | None:
    return msgspec.msgpack.encode(list(headers)) if headers else None


def _unpack(data: bytes | None) -> Headers:
    return msgspec.msgpack.decode(data, type=list[tuple[str, bytes]]) if data else ()


class GroupLock:
    """One worker a group and database: held until released or the process ends."""

    def __init__(self, path: Path, group: str) -> None:
        self._file = Path(f"{path}.{group}.lock").open("a")  # noqa: SIM115  # held for the process's life
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise StopError(
                f"{path}: another worker of group {group!r} is running on it; stop that one, "
                "or use Kafka for several workers"
            ) from None

    def release(self) -> None:
        """Let the next one in."""
        self._file.close()


class ChangeWaiter:
    """Waits, without holding the event loop, until somebody else writes."""

    def __init__(self, log: SqliteLog, pause_seconds: float = 0.02) -> None:
        self._log = log
        self._pause = pause_seconds
        self._seen = log.version()

    def wait(self, timeout_seconds: float) -> bool:
        """Blocks this thread; True if something was written since the last call."""
        end = time.monotonic() + timeout_seconds
        while (version := self._log.version()) == self._seen:
            if time.monotonic() >= end:
                return False
            time.sleep(self._pause)
        self._seen = version
        return True


