"""Faust on the embedded log: one worker, all partitions, runs of records."""

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from faust.transport import base, consumer
from faust.types import TP
from yarl import URL

from resonanz_streams.errors import ConfigurationError, ResonanzError
from resonanz_streams.transports.ports import Run
from resonanz_streams.transports.runs import RUN_BYTES, RunConsumer, message_of, runs_of
from resonanz_streams.transports.sqlite_log import ChangeWaiter, SqliteLog, path_of


class Consumer(RunConsumer, consumer.Consumer):  # type: ignore[misc]  # Faust ships no types
    """Reads the log in a thread; hands each partition's new records on as runs."""

    consumer_stopped_errors: ClassVar[tuple[type[BaseException], ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.app.conf.processing_guarantee.value == "exactly_once":
            raise ConfigurationError(
                "processing_guarantee: exactly_once is Kafka's; here every flush is one transaction anyway, leave it out"
            )
        self._log: SqliteLog | None = None
        self._changes: ChangeWaiter | None = None
        self._thread = ThreadPoolExecutor(1, "sqlite-consumer")
        self._assigned: set[TP] = set()
        self._positions: dict[TP, int] = {}
        self._rebalance: asyncio.Task[None] | None = None

    async def on_start(self) -> None:
        """Open the file."""
        self._log = await self._in_thread(SqliteLog, path_of(str(self.transport.url[0])))
        self._changes = await self._in_thread(ChangeWaiter, self._log)

    async def on_stop(self) -> None:
        """Close the file once the last read has ended."""
        if self._rebalance is not None:
            self._rebalance.cancel()
        self._thread.shutdown()
        if self._log is not None:
            self._log.close()

    async def _in_thread(self, function: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Take all partitions of ``topics``; the assignment follows on its own, as from a broker."""
        names = set(topics)
        if self._rebalance is not None:
            self._rebalance.cancel()
        self._rebalance = asyncio.get_running_loop().create_task(self._assign(names))

    async def _assign(self, topics: set[str]) -> None:
        log = self._open_log()
        try:
            self.app.on_rebalance_start()
            if self._assigned:
                await self.on_partitions_revoked(self._assigned)
            self._assigned = {
                TP(topic, number) for topic in topics for number in await self._in_thread(log.partitions, topic)
            }
            self.app.consumer_generation_id += 1
            await self.on_partitions_assigned(self._assigned, self.app.consumer_generation_id)
        except ResonanzError as error:
            await self.crash(error)

    def _open_log(self) -> SqliteLog:
        if self._log is None:
            raise RuntimeError("the consumer has not been started")
        return self._log

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Run]]:
        wanted = self._assigned if active_partitions is None else active_partitions & self._assigned
        return await self._in_thread(self._fetch, sorted(wanted), timeout)  # type: ignore[no-any-return]

    def _fetch(self, partitions: list[TP], timeout: float) -> Mapping[TP, list[Run]]:
        found = self._read(partitions)
        if not found and self._changes is not None and self._changes.wait(min(timeout, 0.25)):
            found = self._read(partitions)
        return found

    def _read(self, partitions: list[TP]) -> dict[TP, list[Run]]:
        log = self._open_log()
        found = {}
        for tp in partitions:
            position = self._positions.get(tp, 0)
            records = log.read(tp.topic, tp.partition, position, RUN_BYTES)
            if not records or self._positions.get(tp, 0) != position:
                continue  # sought meanwhile: what was read belongs to the position before
            topic = tp.topic.removeprefix(self.app.prefix)
            found[tp] = list(runs_of(topic, tp.partition, position, records))
            self._positions[tp] = records[-1].offset + 1
        return found

    def _to_message(self, tp: TP, record: Run) -> Any:
        return message_of(tp, record, self.app.consumer_generation_id)

    async def _seek(self, partition: TP, offset: int) -> None:
        self._positions[partition] = offset

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        del offsets
        return False

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    def assignment(self) -> set[TP]:
        """All partitions of the subscribed topics."""
        return set(self._assigned)

    def highwater(self, tp: TP) -> int:
        """How far this consumer has read: the log's end is asked for by those who need it."""
        return self._positions.get(tp, 0)

    def topic_partitions(self, topic: str) -> int | None:
        """Partitions of ``topic``; None if it does not exist."""
        return len(self._open_log().partitions(topic)) or None

    async def position(self, tp: TP) -> int | None:
        """The next offset to read."""
        return self._positions.get(tp)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Go to these offsets."""
        for tp, offset in partitions.items():
            await self.seek(tp, offset)

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """The first offset that still exists."""
        log = self._open_log()
        return {tp: await self._in_thread(log.first_offset, tp.topic, tp.partition) for tp in partitions}

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """The offset after the last record."""
        log = self._open_log()
        ends = {}
        for tp in partitions:
            ends[tp] = (await self._in_thread(log.end_offsets, tp.topic))[tp.partition]
        return ends

    async def create_topic(self, topic: str, partitions: int, replication: int, **_: Any) -> None:
        """Topics are made by ``resonanz topics --create`` and by a worker that starts."""
        del topic, partitions, replication

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int | None:
        """Not used: nothing is produced through Faust."""
        del topic, key
        return partition


class Transport(base.Transport):  # type: ignore[misc]  # Faust ships no types
    """``sqlite:///file.db`` as a Faust broker; reading only, writing goes through the state store."""

    Consumer: ClassVar[type[Any]] = Consumer
    driver_version = "sqlite"

    def __init__(self, url: list[URL], app: Any, **kwargs: Any) -> None:
        super().__init__(url, app, **kwargs)
