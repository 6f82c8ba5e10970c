"""Retention of the embedded log: old records go, a chunk at a time, once they are counted."""

from typing import Final

from resonanz_streams.topics import COUNTED_TOPICS, TOPICS
from resonanz_streams.transports.sqlite_log import OFFSET_BITS, SqliteLog

SWEEP_MS: Final = 60_000


class Retention:
    """Called after each flush, in the thread that writes; does little each time.

    As on Kafka, age decides, not other groups: one that has fallen behind for 35 days misses records.
    """

    def __init__(self, log: SqliteLog, *, prefix: str, group: str) -> None:
        self._log = log
        self._prefix = prefix
        self._group = group
        self._left: list[tuple[str, int]] = []
        self._next_ms: int | None = None

    def step(self, now_ms: int) -> int:
        """Remove at most a chunk of one partition; a new sweep begins a minute after the last. Returns how
        many records went."""
        if not self._left:
            if self._next_ms is not None and now_ms < self._next_ms:
                return 0
            self._next_ms = now_ms + SWEEP_MS
            self._left = self._places()
        if not self._left:
            return 0
        name, partition = self._left[-1]
        removed = self._log.remove_before(
            self._prefix + name, partition, now_ms - TOPICS[name].retention_ms, self._limit(name, partition)
        )
        if not removed:
            self._left.pop()
        return removed

    def _places(self) -> list[tuple[str, int]]:
        return [
            (name, partition)
            for name, spec in TOPICS.items()
            if spec.cleanup == "delete"
            for partition in self._log.partitions(self._prefix + name)
        ]

    def _limit(self, name: str, partition: int) -> int:
        if name not in COUNTED_TOPICS:
            return (1 << OFFSET_BITS) - 1
        with self._log.snapshot() as connection:
            row = connection.execute(
                "SELECT next FROM offsets WHERE grp = ? AND topic = ? AND partition = ?",
                (self._group, name, partition),
            ).fetchone()
        return int(row[0]) if row else 0
