"""Kafka's log and a group's state, read beside its workers; see ports.Archive.

Nothing is taken over: no group is joined, no transaction begun. Only what is committed is read, and no
further than to where the oldest open transaction begins, so that no flush is seen in halves.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from resonanz_streams.errors import RetryError, StopError
from resonanz_streams.topics import STATE
from resonanz_streams.transports.kafka_consumer import end, record_of, take_rows
from resonanz_streams.transports.kafka_reach import told
from resonanz_streams.transports.kafka_url import parse
from resonanz_streams.transports.ports import Beginning, Record, Run
from resonanz_streams.transports.seal import opened

FETCH_BYTES: Final = 8 * 2**20
STALL_SECONDS: Final = 25.0
_LOG_APPEND_TIME: Final = 1


class KafkaArchive:
    """ports.Archive, for the event loop it is first used on."""

    def __init__(self, url: str, *, prefix: str, group: str) -> None:
        self._target = parse(url)
        self._prefix = prefix
        self._marker = f"{group}/".encode()
        self._consumer: Any = None

    async def state(self, partition: int) -> Mapping[bytes, bytes]:
        """See ports.Archive. Rows of one flush are one transaction: below the end all of them are there."""
        place = TopicPartition(self._prefix + STATE, partition)
        last = (await self.ends(STATE)).get(partition, 0)
        rows: dict[bytes, bytes] = {}
        async for records in self._batches(place, 0, last):
            take_rows(rows, self._marker, records)
        return {key: opened(key, value, partition) for key, value in rows.items()}

    async def ends(self, topic: str) -> Mapping[int, int]:
        """See ports.Archive. An open transaction ends it."""
        name = self._prefix + topic
        consumer = await self._connected()
        try:
            async with asyncio.timeout(STALL_SECONDS):
                known = await consumer._client.fetch_all_metadata()  # noqa: SLF001  # the public one drops partitions
                numbers = sorted(known.partitions_for_topic(name) or ())
                if not numbers:
                    raise StopError(self._target.lacks(name))
                found = await consumer.end_offsets([TopicPartition(name, number) for number in numbers])
        except (KafkaError, TimeoutError) as error:
            raise await told(self._target, error) from None
        return {place.partition: offset for place, offset in found.items()}

    async def beginning(self, topic: str, partition: int) -> Beginning:
        """See ports.Archive."""
        place = TopicPartition(self._prefix + topic, partition)
        last = (await self.ends(topic)).get(partition, 0)
        first = await self._first(place) if last else 0
        async for records in self._batches(place, first, last):
            by_broker = records[0].timestamp_type == _LOG_APPEND_TIME
            return Beginning(first, records[0].timestamp if by_broker else None)
        return Beginning(first, None)

    async def _first(self, place: TopicPartition) -> int:
        consumer = await self._connected()
        try:
            async with asyncio.timeout(STALL_SECONDS):
                return int((await consumer.beginning_offsets([place]))[place])
        except (KafkaError, TimeoutError) as error:
            raise await told(self._target, error) from None

    async def runs(self, topic: str, partition: int, end: int) -> AsyncIterator[Run]:
        """See ports.Archive."""
        async for batch in self._batches(TopicPartition(self._prefix + topic, partition), 0, end):
            offsets = [record.offset for record in batch]
            values = [record.value or b"" for record in batch]
            yield Run(topic, partition, offsets[0], offsets[-1] + 1, values, offsets)

    async def records(
        self, topic: str, partition: int, start: int, end: int
    ) -> AsyncIterator[Sequence[Record]]:
        """See ports.Archive."""
        async for batch in self._batches(TopicPartition(self._prefix + topic, partition), start, end):
            yield [record_of(topic, record) for record in batch]

    async def _batches(self, place: TopicPartition, start: int, last: int) -> AsyncIterator[Sequence[Any]]:
        """What is committed in [start, last), in fetches that are not empty. Of a partition that is not there
        nothing may be asked: the driver would wait for it."""
        if start >= last:
            return
        start = max(start, await self._first(place))
        consumer = await self._connected()
        consumer.assign([place])
        consumer.seek(place, start)
        stalled = 0.0
        loop = asyncio.get_running_loop()
        while start < last:
            began = loop.time()
            try:
                fetched = await consumer.getmany(place, timeout_ms=500)
                # Also without records: what belongs to a transaction moves the position.
                position = await consumer.position(place)
            except KafkaError as error:
                raise await told(self._target, error) from None
            stalled = 0.0 if position > start else stalled + loop.time() - began
            if stalled > STALL_SECONDS:
                raise RetryError(
                    f"Kafka at {self._target} does not hand out {place.topic}, partition {place.partition}, "
                    f"from {start} to {last}; try again"
                )
            start = position
            records = [record for record in fetched.get(place, ()) if record.offset < last]
            if records:
                yield records

    async def _connected(self) -> Any:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                **self._target.client_settings(),
                client_id="resonanz",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                max_partition_fetch_bytes=FETCH_BYTES,
                # What is asked for is there; a question would wait behind a fetch that waits for more.
                fetch_max_wait_ms=5,
                retry_backoff_ms=10,
                request_timeout_ms=10_000,
            )
            try:
                async with asyncio.timeout(STALL_SECONDS):
                    await consumer.start()
            except (KafkaError, TimeoutError) as error:
                await end(consumer)
                raise await told(self._target, error) from None
            self._consumer = consumer
        return self._consumer

    async def close(self) -> None:
        """See ports.Archive."""
        if self._consumer is not None:
            await end(self._consumer)
