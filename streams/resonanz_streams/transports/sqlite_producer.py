"""What a Faust agent sends by itself, on the embedded log. The worker does not use it: what it writes
goes through the state store's transactions."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from faust.transport import producer
from faust.types import TP, RecordMetadata

from resonanz_streams.clock import wall_ms
from resonanz_streams.transports.ports import Headers, Outgoing
from resonanz_streams.transports.sqlite_log import SqliteLog
from resonanz_streams.transports.sqlite_schema import path_of


class Producer(producer.Producer):  # type: ignore[misc]  # Faust ships no types
    """Appends in a thread of its own; each record is durable when its future is done."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._log: SqliteLog | None = None
        self._thread = ThreadPoolExecutor(1, "sqlite-producer")
        self._sending: set[asyncio.Task[RecordMetadata]] = set()

    async def on_start(self) -> None:
        """Open the file."""
        self._log = await self._in_thread(SqliteLog, path_of(str(self.transport.url[0])))
        await super().on_start()

    async def on_stop(self) -> None:
        """Write what is queued, then close the file."""
        await self.flush()
        if self._log is not None:
            await self._in_thread(self._log.close)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, function: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _open_log(self) -> SqliteLog:
        if self._log is None:
            raise RuntimeError("the producer has not been started")
        return self._log

    async def send(self, *record: Any, **options: Any) -> Awaitable[RecordMetadata]:
        """Queue a record; the answer is done once it is durable. Records are written in this order."""
        task = asyncio.get_running_loop().create_task(self.send_and_wait(*record, **options))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return task

    async def send_and_wait(  # noqa: PLR0917  # Faust's signature
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Any,
        *,
        transactional_id: str | None = None,
    ) -> RecordMetadata:
        """Write a record; it is durable when this returns."""
        del transactional_id
        at_ms = wall_ms() if timestamp is None else int(timestamp * 1000)
        record = Outgoing(topic, key, value, _headers(headers), partition)
        ends = await self._in_thread(self._open_log().append, [record], at_ms)
        ((_, number), end) = next(iter(ends.items()))
        return RecordMetadata(topic, number, TP(topic, number), end - 1, at_ms / 1000, 0)

    async def flush(self) -> None:
        """Wait until everything queued is durable."""
        if self.buffer.started:
            await self.buffer.flush()
        if self._sending:
            await asyncio.wait(set(self._sending))

    async def create_topic(self, topic: str, partitions: int, replication: int, **options: Any) -> None:
        """Make a topic; what exists stays as it is."""
        del replication
        cleanup = "compact" if options.get("compacting") else "delete"
        await self._in_thread(self._open_log().create_topic, topic, partitions, cleanup)

    def key_partition(self, topic: str, key: bytes) -> TP:
        """Where a key belongs."""
        return TP(topic, self._open_log().partition_for(Outgoing(topic, key, None)))

    def supports_headers(self) -> bool:
        """Yes."""
        return True


def _headers(headers: Mapping[str, bytes] | Iterable[tuple[str, bytes]] | None) -> Headers:
    if not headers:
        return ()
    return tuple(headers.items() if isinstance(headers, Mapping) else headers)
