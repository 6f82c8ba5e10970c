"""The embedded log, opened for reading only; see :class:`resonanz_streams.doctor.exam.Exam`."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from resonanz_streams.doctor.exam import Member, Place
from resonanz_streams.engine import META_KEY
from resonanz_streams.errors import StopError
from resonanz_streams.topics import COUNTED_TOPICS, TOPICS
from resonanz_streams.transports.ports import Record
from resonanz_streams.transports.sqlite_log import OFFSET_BITS
from resonanz_streams.transports.sqlite_schema import VERSION, explained, path_of
from resonanz_streams.transports.sqlite_store import problem_of
from resonanz_streams.transports.sqlite_values import given

_LOCKS: Final = Path("/proc/locks")


class SqliteExam:
    """exam.Exam.

    Raises:
        StopError: there is no such database, or it cannot be read.
    """

    def __init__(self, url: str, *, prefix: str, group: str) -> None:
        self._path = path_of(url)
        self._prefix = prefix
        self._group = prefix + group
        if not self._path.exists():
            raise StopError(f"there is no database {self._path} yet; start: resonanz up")
        # Without its write-ahead log nobody has it open: SQLite must not begin one.
        alone = not Path(f"{self._path}-wal").exists()
        place = f"file:{quote(str(self._path))}?mode=ro{'&immutable=1' if alone else ''}"
        with explained(self._path):
            self._connection = sqlite3.connect(place, uri=True)
            version = self._rows("PRAGMA user_version")[0][0]
        if version != VERSION:
            self._connection.close()
            raise StopError(
                f"{self._path} has tables of version {version}, this one reads {VERSION}; run the version of "
                "resonanz that wrote it, or name another file under broker"
            )

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with explained(self._path):
            return self._connection.execute(query, values).fetchall()

    def reach(self) -> Sequence[str]:
        """See exam.Exam."""
        return ()

    def topics(self, partitions: int) -> Sequence[str]:
        """See exam.Exam."""
        rows = self._rows("SELECT name, count(*), max(cleanup) FROM topics GROUP BY name")
        found = {name: (count, cleanup) for name, count, cleanup in rows}
        sentences = []
        for spec in TOPICS.values():
            count, cleanup = found.get(self._prefix + spec.name, (0, None))
            name = self._prefix + spec.name
            sentences.append(problem_of(name, count, cleanup, spec, spec.partitions or partitions))
        return [sentence for sentence in sentences if sentence]

    def retention_ms(self) -> Mapping[str, int]:
        """See exam.Exam; what is not counted yet is never removed."""
        return {}

    def places(self) -> Sequence[Place]:
        """See exam.Exam."""
        query = (
            "SELECT topics.partition, topics.next, offsets.next, "
            "(SELECT min(id) FROM log WHERE id >= tp << ? AND id < (tp + 1) << ?) "
            "FROM topics LEFT JOIN offsets ON offsets.grp = ? AND offsets.topic = ? "
            "AND offsets.partition = topics.partition WHERE topics.name = ? ORDER BY topics.partition"
        )
        return [
            Place(
                topic, partition, end if first is None else first & ((1 << OFFSET_BITS) - 1), end, committed
            )
            for topic in COUNTED_TOPICS
            for partition, end, committed, first in self._rows(
                query, (OFFSET_BITS, OFFSET_BITS, self._group, topic, self._prefix + topic)
            )
        ]

    def members(self) -> Sequence[Member]:
        """See exam.Exam. Who holds the group's lock is looked up: trying it could stop a worker's start."""
        lock = Path(f"{self._path}.{quote(self._group, safe='')}.lock")
        if not (lock.exists() and _LOCKS.exists()):
            return ()
        inode = str(lock.stat().st_ino)
        held = [line.split() for line in _LOCKS.read_text().splitlines() if " FLOCK " in line]
        return [Member(f"process {words[4]}", None) for words in held if words[5].rpartition(":")[2] == inode]

    def heads(self) -> Mapping[int, bytes]:
        """See exam.Exam."""
        query = "SELECT partition, value FROM state WHERE grp = ? AND key = ?"
        return dict(self._rows(query, (self._group, META_KEY)))

    def newest(self, topic: str, count: int) -> Sequence[Record]:
        """See exam.Exam."""
        query = "SELECT id, key, value, headers FROM log WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT ?"
        found = []
        for tp, partition in self._rows(
            "SELECT tp, partition FROM topics WHERE name = ?", (self._prefix + topic,)
        ):
            span = tp << OFFSET_BITS, (tp + 1) << OFFSET_BITS
            rows = self._rows(query, (*span, count))
            for row, key, value, headers in reversed(rows):
                offset = row & ((1 << OFFSET_BITS) - 1)
                packed = msgspec.msgpack.decode(headers, type=list[tuple[str, bytes]]) if headers else ()
                stored = given(value) if TOPICS[topic].cleanup == "compact" else value
                found.append(Record(topic, partition, offset, key, stored, packed))
        return found

    def written_ms(self) -> int | None:
        """See exam.Exam."""
        query = (
            "SELECT max((SELECT at_ms FROM log WHERE id >= tp << ? AND id < (tp + 1) << ? "
            "ORDER BY id DESC LIMIT 1)) FROM topics"
        )
        written: int | None = self._rows(query, (OFFSET_BITS, OFFSET_BITS))[0][0]
        return written

    def close(self) -> None:
        """See exam.Exam."""
        self._connection.close()
