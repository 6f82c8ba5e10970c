"""Faust on the embedded log: one worker, all partitions, runs of records."""

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from faust.transport import base, consumer
from faust.types import TP

from resonanz_streams.errors import ConfigurationError, StopError
from resonanz_streams.transports.ports import Record, Run
from resonanz_streams.transports.runs import RUN_BYTES, RunConsumer, message_of, runs_of
from resonanz_streams.transports.sqlite_log import ChangeWaiter, SqliteLog
from resonanz_streams.transports.sqlite_producer import Producer
from resonanz_streams.transports.sqlite_schema import path_of

_WAIT_SECONDS = 0.25


class Consumer(RunConsumer, consumer.Consumer):  # type: ignore[misc]  # Faust ships no types
    """Reads the log in a thread; hands each partition's new records on as runs.

    Raises:
        ConfigurationError: Faust's own ``exactly_once`` is asked for.
    """

    consumer_stopped_errors: ClassVar[tuple[type[BaseException], ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.app.conf.processing_guarantee.value == "exactly_once":
            raise ConfigurationError(
                "processing_guarantee: exactly_once is not for the embedded log; leave it out: "
                "state and offsets are one transaction anyway"
            )
        self._log: SqliteLog | None = None
        self._changes: ChangeWaiter | None = None
        self._thread = ThreadPoolExecutor(1, "sqlite-consumer")
        self._assigned: set[TP] = set()
        self._positions_read: dict[TP, int] = {}
        self._rebalance: asyncio.Task[None] | None = None

    async def on_start(self) -> None:
        """Open the file."""
        self._log = await self._in_thread(SqliteLog, path_of(str(self.transport.url[0])))
        self._changes = await self._in_thread(ChangeWaiter, self._log)

    async def on_stop(self) -> None:
        """A last flush, then close the file once the last read has ended."""
        if self._rebalance is not None:
            self._rebalance.cancel()
            await asyncio.wait({self._rebalance})
        await super().on_stop()
        if self._changes is not None:
            self._changes.close()
        if self._log is not None:
            await self._in_thread(self._log.close)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, function: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    # -- assignment --------------------------------------------------------------------------------

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Take all partitions of ``topics``; the assignment follows on its own, as from a broker."""
        # Faust waits for this call inside the rebalance: to await it here would be a deadlock.
        earlier, names = self._rebalance, frozenset(topics)
        self._rebalance = asyncio.get_running_loop().create_task(self._rebalanced(earlier, names))

    async def _rebalanced(self, earlier: asyncio.Task[None] | None, topics: frozenset[str]) -> None:
        if earlier is not None:
            await asyncio.wait({earlier})
        try:
            await self._assign(topics)
        except Exception as error:  # noqa: BLE001  # nobody awaits this task: it must not fail unseen
            await self.app.crash(error)

    async def _assign(self, topics: frozenset[str]) -> None:
        log = self._open_log()
        assigned = set()
        for topic in topics:
            numbers = await self._in_thread(log.partitions, topic)
            if not numbers:
                raise StopError(f"topic {topic} does not exist; make it with: resonanz topics --create")
            assigned |= {TP(topic, number) for number in numbers}
        self.app.on_rebalance_start()
        if self._assigned:
            await self.on_partitions_revoked(set(self._assigned))
        self._assigned = assigned
        self._positions_read.clear()
        self.app.consumer_generation_id += 1
        await self.on_partitions_assigned(set(assigned), self.app.consumer_generation_id)

    def _open_log(self) -> SqliteLog:
        if self._log is None:
            raise RuntimeError("the consumer has not been started")
        return self._log

    def assignment(self) -> set[TP]:
        """All partitions of the subscribed topics."""
        return set(self._assigned)

    # -- reading -----------------------------------------------------------------------------------

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109  # Faust's signature
    ) -> Mapping[TP, list[Run]]:
        wanted = self._assigned if active_partitions is None else active_partitions & self._assigned
        positions = {tp: self._positions_read[tp] for tp in sorted(wanted) if tp in self._positions_read}
        fetched = await self._in_thread(self._fetch, positions, min(timeout, _WAIT_SECONDS))
        runs = {}
        for tp, records in fetched.items():
            if self._positions_read.get(tp) != positions[tp]:
                continue  # sought meanwhile: what was read belongs to the position before
            topic = tp.topic.removeprefix(self.app.prefix)
            runs[tp] = list(runs_of(topic, tp.partition, positions[tp], records))
            self._positions_read[tp] = records[-1].offset + 1
        return runs

    def _fetch(self, positions: Mapping[TP, int], seconds: float) -> Mapping[TP, list[Record]]:
        found = self._read(positions)
        if not found and self._changes is not None and self._changes.wait(seconds):
            found = self._read(positions)
        return found

    def _read(self, positions: Mapping[TP, int]) -> dict[TP, list[Record]]:
        log = self._open_log()
        found = {}
        for tp, position in positions.items():
            if records := log.read(tp.topic, tp.partition, position, RUN_BYTES):
                found[tp] = records
        return found

    def _to_message(self, tp: TP, record: Run) -> Any:
        return message_of(tp, record, self.app.consumer_generation_id)

    # -- positions ---------------------------------------------------------------------------------

    async def _seek(self, partition: TP, offset: int) -> None:
        self._positions_read[partition] = offset

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Go to these offsets."""
        for tp, offset in partitions.items():
            await self.seek(tp, offset)

    async def position(self, tp: TP) -> int | None:
        """The next offset to read."""
        return self._positions_read.get(tp)

    def highwater(self, tp: TP) -> int:
        """How far this consumer has read: Faust asks at every run, and only to show it."""
        return self._positions_read.get(tp, 0)

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """The first offset that still exists."""
        log = self._open_log()
        return {tp: await self._in_thread(log.first_offset, tp.topic, tp.partition) for tp in partitions}

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """The offset after the last record."""
        log = self._open_log()
        ends = {
            topic: await self._in_thread(log.end_offsets, topic) for topic in {tp.topic for tp in partitions}
        }
        return {tp: ends[tp.topic][tp.partition] for tp in partitions}

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        del offsets
        return False

    # -- topics ------------------------------------------------------------------------------------

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    def topic_partitions(self, topic: str) -> int | None:
        """Partitions of ``topic``; None if it does not exist."""
        return len(self._open_log().partitions(topic)) or None

    async def create_topic(self, topic: str, partitions: int, replication: int, **options: Any) -> None:
        """Make a topic; what exists stays as it is."""
        del replication
        cleanup = "compact" if options.get("compacting") else "delete"
        await self._in_thread(self._open_log().create_topic, topic, partitions, cleanup)

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int | None:
        """Only Faust's own transactions ask, and there are none here."""
        del topic, key
        return partition


class Transport(base.Transport):  # type: ignore[misc]  # Faust ships no types
    """``sqlite:///file.db`` as a Faust broker."""

    Consumer: ClassVar[type[Any]] = Consumer
    Producer: ClassVar[type[Any]] = Producer
    driver_version = "sqlite"
