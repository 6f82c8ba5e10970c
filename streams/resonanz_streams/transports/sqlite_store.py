"""State, tail and topics on the embedded log; see ports.py for what they promise."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from resonanz_streams.clock import Clock, wall_ms
from resonanz_streams.topics import SOURCE_TOPICS, TopicSpec
from resonanz_streams.transports.ports import Flush, Record, Recovered
from resonanz_streams.transports.sqlite_log import ChangeWaiter, GroupLock, SqliteLog, explained, path_of

TAIL_BYTES = 2**20


class SqliteStore:
    """ports.StateStore: a flush is one transaction of the database, written in a thread of its own.

    Raises:
        StopError: another worker of the group holds the database.
    """

    def __init__(self, url: str, *, prefix: str, group: str, clock: Clock = wall_ms) -> None:
        path = path_of(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = GroupLock(path, group)
        self._log = SqliteLog(path)
        self._prefix = prefix
        self._group = group
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "sqlite-store")

    async def recover(self, partition: int) -> Recovered:
        """See ports.StateStore."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._recover, partition)

    def _recover(self, partition: int) -> Recovered:
        with self._log.transaction() as connection:
            rows = dict(
                connection.execute(
                    "SELECT key, value FROM state WHERE grp = ? AND partition = ?", (self._group, partition)
                ).fetchall()
            )
            offsets = dict(
                connection.execute(
                    "SELECT topic, next FROM offsets WHERE grp = ? AND partition = ?", (self._group, partition)
                ).fetchall()
            )
        return Recovered(rows, {topic: offsets[topic] for topic in SOURCE_TOPICS if topic in offsets})

    async def flush(self, partition: int, flush: Flush) -> None:
        """See ports.StateStore."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._flush, partition, flush)

    def _flush(self, partition: int, flush: Flush) -> None:
        with self._log.transaction() as connection:
            place = (self._group, partition)
            connection.executemany(
                "INSERT INTO state VALUES (?, ?, ?, ?) "
                "ON CONFLICT (grp, partition, key) DO UPDATE SET value = excluded.value",
                [(*place, key, value) for key, value in flush.rows.items() if value is not None],
            )
            connection.executemany(
                "DELETE FROM state WHERE grp = ? AND partition = ? AND key = ?",
                [(*place, key) for key, value in flush.rows.items() if value is None],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO offsets VALUES (?, ?, ?, ?)",
                [(self._group, topic, partition, offset) for topic, offset in flush.offsets.items()],
            )
            if flush.records:
                records = [replace(record, topic=self._prefix + record.topic) for record in flush.records]
                self._log.append_within(connection, records, self._clock())

    async def release(self, partition: int) -> None:
        """Nothing to give back: the lock is the worker's as a whole."""

    async def close(self) -> None:
        """See ports.StateStore."""
        self._thread.shutdown()
        self._log.close()
        self._lock.release()


class SqliteTail:
    """ports.Tail over one or more topics, one thread."""

    def __init__(self, url: str, topics: Sequence[str], *, prefix: str) -> None:
        self._log = SqliteLog(path_of(url))
        self._prefix = prefix
        self._topics = topics
        self._positions: dict[tuple[str, int], int] = {}
        self._goal: dict[tuple[str, int], int] | None = None
        self._changes = ChangeWaiter(self._log)
        self._thread = ThreadPoolExecutor(1, "sqlite-tail")

    async def poll(self, timeout_seconds: float) -> Sequence[Record]:
        """See ports.Tail."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._poll, timeout_seconds)

    def _poll(self, timeout_seconds: float) -> Sequence[Record]:
        ends = self._ends()
        if self._goal is None and len({topic for topic, _ in ends}) == len(self._topics):
            self._goal = ends
        found = self._read(ends)
        if not found and self._changes.wait(timeout_seconds):
            found = self._read(self._ends())
        return found

    def _ends(self) -> dict[tuple[str, int], int]:
        return {
            (topic, partition): end
            for topic in self._topics
            for partition, end in self._log.end_offsets(self._prefix + topic).items()
        }

    def _read(self, ends: Mapping[tuple[str, int], int]) -> list[Record]:
        found: list[Record] = []
        for (topic, partition), end in ends.items():
            position = self._positions.get((topic, partition), 0)
            if position >= end:
                continue
            records = self._log.read(self._prefix + topic, partition, position, TAIL_BYTES)
            # Superseded records are gone: an empty read means that nothing is left below the end.
            self._positions[topic, partition] = records[-1].offset + 1 if records else end
            found.extend(replace(record, topic=topic) for record in records)
        return found

    def caught_up(self) -> bool:
        """See ports.Tail."""
        return self._goal is not None and all(
            self._positions.get(place, 0) >= end for place, end in self._goal.items()
        )

    async def close(self) -> None:
        """See ports.Tail."""
        self._thread.shutdown()
        self._log.close()


class SqliteAdmin:
    """ports.Admin."""

    def __init__(self, url: str, *, prefix: str) -> None:
        path = path_of(url)
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._log = SqliteLog(path)
        self._prefix = prefix

    def ensure(self, specs: Sequence[TopicSpec], partitions: int) -> Sequence[str]:
        """See ports.Admin."""
        for spec in specs:
            if not self._log.end_offsets(self._prefix + spec.name):
                self._log.create_topic(self._prefix + spec.name, spec.partitions or partitions, spec.cleanup)
        return self.check(specs, partitions)

    def check(self, specs: Sequence[TopicSpec], partitions: int) -> Sequence[str]:
        """See ports.Admin."""
        problems = []
        for spec in specs:
            name = self._prefix + spec.name
            wanted, found = spec.partitions or partitions, len(self._log.end_offsets(name))
            if not found:
                problems.append(f"topic {name} does not exist; make it with: resonanz topics --create")
            elif found != wanted:
                problems.append(
                    f"topic {name} has {found} partitions, the configuration says {wanted}; "
                    f"write partitions: {found}, or use another database file"
                )
        return problems

    def end_offsets(self, topic: str) -> Mapping[int, int]:
        """See ports.Admin."""
        return self._log.end_offsets(self._prefix + topic)

    def close(self) -> None:
        """See ports.Admin."""
        self._log.close()


