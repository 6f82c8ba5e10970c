"""State, tail and topics on the embedded log; see ports.py for what they promise."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, ParamSpec, TypeVar

from resonanz_streams.clock import Clock, wall_ms
from resonanz_streams.errors import ResonanzError
from resonanz_streams.topics import SOURCE_TOPICS, TopicSpec
from resonanz_streams.transports.ports import Flush, Record, Recovered
from resonanz_streams.transports.seal import opened, sealed
from resonanz_streams.transports.sqlite_log import OFFSET_BITS, ChangeWaiter, SqliteLog
from resonanz_streams.transports.sqlite_retention import Retention
from resonanz_streams.transports.sqlite_schema import GroupLock, HeldError, existing, explained, path_of

log = logging.getLogger(__name__)

TAIL_BYTES: Final = 2**20
P = ParamSpec("P")
Result = TypeVar("Result")
Place = tuple[str, int]


class _Thread:
    """Runs calls one after the other, away from the event loop."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, name)

    async def run(self, call: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: call(*args, **kwargs))

    async def end(self, last: Callable[[], None]) -> None:
        """Make a last call, after all others, and end."""
        await self.run(last)
        self._pool.shutdown(wait=False)


class SqliteStore:
    """ports.StateStore: a flush is one transaction of the database, written in a thread of its own.

    ``anew``: for who throws the state away: its rows are given as they are stored, damaged or not.

    Raises:
        StopError: another worker of the group holds the database, or it cannot be used.
        RetryError: it is locked or full for now.
    """

    def __init__(
        self, url: str, *, prefix: str, group: str, clock: Clock = wall_ms, anew: bool = False
    ) -> None:
        path = path_of(url)
        self._anew = anew
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        # Two prefixes are two systems in one file: neither may find the other's state.
        self._group = prefix + group
        self._prefix = prefix
        self._clock = clock
        self._lock = GroupLock(path, self._group)
        try:
            self._log = SqliteLog(path)
        except ResonanzError:
            self._lock.release()
            raise
        self._retention = Retention(self._log, prefix=prefix, group=self._group)
        self._thread = _Thread("sqlite-store")

    async def recover(self, partition: int) -> Recovered:
        """See ports.StateStore."""
        return await self._thread.run(self._recover, partition)

    def _recover(self, partition: int) -> Recovered:
        place = (self._group, partition)
        with self._log.snapshot() as connection:
            rows = connection.execute("SELECT key, value FROM state WHERE grp = ? AND partition = ?", place)
            offsets = connection.execute(
                "SELECT topic, next FROM offsets WHERE grp = ? AND partition = ?", place
            )
            ends = connection.execute(
                "SELECT name, next FROM topics WHERE partition = ? AND EXISTS "
                "(SELECT 1 FROM log WHERE id >= tp << ? AND id < (tp + 1) << ?)",
                (partition, OFFSET_BITS, OFFSET_BITS),
            )
            named = {self._prefix + topic: topic for topic in SOURCE_TOPICS}
            return Recovered(
                {
                    key: value if self._anew else opened(key, value, partition)
                    for key, value in rows.fetchall()
                },
                dict(offsets.fetchall()),
                {named[name]: end for name, end in ends.fetchall() if name in named},
            )

    async def flush(self, partition: int, flush: Flush) -> None:
        """See ports.StateStore."""
        await self._thread.run(self._flush, partition, flush)

    def _flush(self, partition: int, flush: Flush) -> None:
        now_ms = self._clock()
        with self._log.transaction() as connection:
            place = (self._group, partition)
            connection.executemany(
                "INSERT INTO state (grp, partition, key, value) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (grp, partition, key) DO UPDATE SET value = excluded.value",
                [(*place, key, sealed(key, value)) for key, value in flush.rows.items() if value is not None],
            )
            connection.executemany(
                "DELETE FROM state WHERE grp = ? AND partition = ? AND key = ?",
                [(*place, key) for key, value in flush.rows.items() if value is None],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO offsets (grp, topic, partition, next) VALUES (?, ?, ?, ?)",
                [(self._group, topic, partition, offset) for topic, offset in flush.offsets.items()],
            )
            if flush.records:
                records = [replace(record, topic=self._prefix + record.topic) for record in flush.records]
                self._log.append_within(connection, records, now_ms)
        try:
            self._retention.step(now_ms)
        except ResonanzError as error:
            # The flush is durable: what is too old goes with a later one.
            log.warning("old records could not be removed: %s", error)

    async def release(self, partition: int) -> None:
        """Nothing to give back: the lock is the worker's as a whole."""

    async def close(self) -> None:
        """See ports.StateStore."""
        await self._thread.end(self._log.close)
        self._lock.release()


class SqliteTail:
    """ports.Tail over one or more topics, one thread. A topic made later is read from then on. ``asking``: of
    who makes no database where there is none, but a StopError."""

    def __init__(self, url: str, topics: Sequence[str], *, prefix: str, asking: bool = False) -> None:
        self._log = SqliteLog(existing(url) if asking else path_of(url))
        self._prefix = prefix
        self._topics = tuple(topics)
        self._positions: dict[Place, int] = {}
        self._changes = ChangeWaiter(self._log)
        self._goal = self._ends()
        self._thread = _Thread("sqlite-tail")

    async def poll(self, timeout_seconds: float) -> Sequence[Record]:
        """See ports.Tail. A poll that is cancelled takes nothing away from the next."""
        found, positions = await self._thread.run(self._poll, dict(self._positions), timeout_seconds)
        self._positions = positions
        return found

    def _poll(
        self, positions: dict[Place, int], timeout_seconds: float
    ) -> tuple[list[Record], dict[Place, int]]:
        found = self._read(positions)
        if not found and self._changes.wait(timeout_seconds):
            found = self._read(positions)
        return found, positions

    def _ends(self) -> dict[Place, int]:
        return {
            (topic, partition): end
            for topic in self._topics
            for partition, end in self._log.end_offsets(self._prefix + topic).items()
        }

    def _read(self, positions: dict[Place, int]) -> list[Record]:
        found: list[Record] = []
        for (topic, partition), end in self._ends().items():
            position = positions.get((topic, partition), 0)
            if position >= end:
                continue
            records = self._log.read(self._prefix + topic, partition, position, TAIL_BYTES)
            # Superseded records are gone: an empty read means that nothing is left below the end.
            positions[topic, partition] = records[-1].offset + 1 if records else end
            found.extend(replace(record, topic=topic) for record in records)
        return found

    def caught_up(self) -> bool:
        """See ports.Tail."""
        return all(self._positions.get(place, 0) >= end for place, end in self._goal.items())

    async def close(self) -> None:
        """See ports.Tail."""
        self._changes.close()
        await self._thread.end(self._log.close)


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
            if not self._log.partitions(self._prefix + spec.name):
                self._log.create_topic(self._prefix + spec.name, spec.partitions or partitions, spec.cleanup)
        return self.check(specs, partitions)

    def check(self, specs: Sequence[TopicSpec], partitions: int) -> Sequence[str]:
        """See ports.Admin."""
        sentences = (self._problem(spec, spec.partitions or partitions) for spec in specs)
        return [sentence for sentence in sentences if sentence]

    def _problem(self, spec: TopicSpec, wanted: int) -> str:
        name = self._prefix + spec.name
        return problem_of(name, len(self._log.partitions(name)), self._log.cleanup(name), spec, wanted)

    def end_offsets(self, topic: str) -> Mapping[int, int]:
        """See ports.Admin."""
        return self._log.end_offsets(self._prefix + topic)

    def members(self, group: str) -> Sequence[str]:
        """See ports.Admin. There can be one, who holds the lock."""
        try:
            GroupLock(self._log.path, self._prefix + group).release()
        except HeldError:
            return ["worker"]
        return []

    def close(self) -> None:
        """See ports.Admin."""
        self._log.close()


def problem_of(name: str, found: int, cleanup: str | None, spec: TopicSpec, wanted: int) -> str:
    """What is wrong with a topic of ``found`` partitions, and what to do; "" if nothing is."""
    if not found:
        return f"topic {name} does not exist; make it with: resonanz topics --create"
    if found != wanted:
        return (
            f"topic {name} has {found} partitions, the configuration says {wanted}; "
            f"write partitions: {found}, or use another database file"
        )
    if cleanup != spec.cleanup:
        return f"topic {name} has cleanup {cleanup}, it must be {spec.cleanup}; use another database file"
    return ""
