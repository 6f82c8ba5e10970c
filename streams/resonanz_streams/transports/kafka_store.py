"""State on Kafka: a flush is one transaction of a partition's own producer; see ports.py for the rest.

The state of partition n is partition n of topic ``engine-state``, newest row of each key; where to read
on is the group's committed offsets. A row's key carries the group, so that several may share the topic.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from resonanz_streams.errors import RECOUNT, RetryError, StopError
from resonanz_streams.topics import SOURCE_TOPICS, STATE, partition_of_key
from resonanz_streams.transports.kafka_consumer import end, take_rows
from resonanz_streams.transports.kafka_reach import told
from resonanz_streams.transports.kafka_transaction import Place, Row, TransactionalWriter
from resonanz_streams.transports.kafka_url import parse
from resonanz_streams.transports.ports import Flush, Outgoing, Recovered
from resonanz_streams.transports.seal import opened, sealed

FETCH_BYTES: Final = 8 * 2**20
STALL_SECONDS: Final = 25.0
"""Without any progress for so long, reading the state is given up. Longer than a transaction may stay open:
one of another group holds up what can be read."""


class KafkaStore:
    """ports.StateStore, for the event loop it is first used on.

    ``anew``: for who throws the state away: its rows are given as they are stored, damaged or not, and
    offsets beyond the log's end are no error.
    """

    def __init__(self, url: str, *, prefix: str, group: str, anew: bool = False) -> None:
        self._anew = anew
        self._target = parse(url)
        self._prefix = prefix
        self._group = group
        self._marker = f"{group}/".encode()
        self._claim_key = f"{group}!".encode()
        self._writers: dict[int, TransactionalWriter] = {}

    async def recover(self, partition: int) -> Recovered:
        """See ports.StateStore."""
        await self.release(partition)
        writer = TransactionalWriter(self._target, self._transactional_id(partition))
        self._writers[partition] = writer
        try:
            # First the fence: from here on nobody else adds to what is read now.
            await writer.fence()
            async with self._reader() as reader:
                await self._claim(writer, reader, partition)
                # Before the rows: while they are fetched, every other question waits its turn.
                offsets = await self._offsets(reader, partition)
                return Recovered(await self._rows(reader, partition), *offsets)
        except BaseException:
            await self.release(partition)
            raise

    def _transactional_id(self, partition: int) -> str:
        """The same for every worker: the newest shuts the others out."""
        return f"{self._prefix}{self._group}-{partition}"

    @contextlib.asynccontextmanager
    async def _reader(self) -> AsyncIterator[AIOKafkaConsumer]:
        reader = AIOKafkaConsumer(
            **self._target.client_settings(),
            client_id="resonanz",
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=50,
            request_timeout_ms=10_000,
            retry_backoff_ms=10,  # it learns of each topic by a request that fails
        )
        try:
            async with asyncio.timeout(STALL_SECONDS):
                await reader.start()
            yield reader
        except (KafkaError, TimeoutError) as error:
            raise await told(self._target, error) from None
        finally:
            await end(reader)

    async def _claim(self, writer: TransactionalWriter, reader: Any, partition: int) -> None:
        """End what an earlier owner's last transaction may have left open.

        A broker that is killed right after it promised a commit, and comes back alone, may take the commit
        for done although its markers are missing: state and offsets would be hidden for ever. A commit of
        the same writer, in the same two places, completes it.
        """
        place = TopicPartition(self._prefix + STATE, partition)
        if place.topic not in await reader.topics():
            raise StopError(self._target.lacks(place.topic))
        ends = await reader.end_offsets([place])
        await writer.write({tuple(place): [(self._claim_key, b"", ())]}, ends, self._group)

    async def _rows(self, reader: Any, partition: int) -> dict[bytes, bytes]:
        place = TopicPartition(self._prefix + STATE, partition)
        reader.assign([place])
        await reader.seek_to_beginning(place)
        rows: dict[bytes, bytes] = {}
        last: int | None = None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(STALL_SECONDS) as limit:
                # Until the position, not the last row, is at the end: there stands a transaction's marker.
                while last is None or await reader.position(place) < last:
                    fetched = await reader.getmany(place, timeout_ms=20)
                    last = reader.highwater(place) if last is None else last
                    for records in fetched.values():
                        take_rows(rows, self._marker, records)
                        limit.reschedule(loop.time() + STALL_SECONDS)
        except TimeoutError:
            raise RetryError(
                f"Kafka at {self._target} does not hand out {place.topic}, partition {partition}, to its "
                "end; it is tried again; if that does not help, look for a transaction left open with: "
                f"kafka-transactions.sh describe-producers --topic {place.topic} --partition {partition}"
            ) from None
        return rows if self._anew else {key: opened(key, row, partition) for key, row in rows.items()}

    async def _offsets(self, reader: Any, partition: int) -> tuple[dict[str, int], dict[str, int]]:
        """The committed offsets, and the ends."""
        places = [TopicPartition(self._prefix + topic, partition) for topic in SOURCE_TOPICS]
        async with asyncio.timeout(STALL_SECONDS):
            first, last = await reader.beginning_offsets(places), await reader.end_offsets(places)
            committed = {place: await reader.committed(place) for place in places}
        for place, offset in committed.items():
            if offset is not None and last[place] < offset and not self._anew:
                raise StopError(
                    f"topic {place.topic}, partition {partition}, ends at {last[place]}, but its records up "
                    f"to {offset} have been counted: it was deleted or cut off; {RECOUNT}"
                )
        named = dict(zip(places, SOURCE_TOPICS, strict=True))
        offsets = {named[place]: offset for place, offset in committed.items() if offset is not None}
        return offsets, {named[place]: last[place] for place in places if first[place] < last[place]}

    async def flush(self, partition: int, flush: Flush) -> None:
        """See ports.StateStore."""
        writer = self._writers.get(partition)
        if writer is None:
            raise RetryError(f"partition {partition} has been given up; it must be recovered first")
        state: list[Row] = [
            (self._marker + key, None if value is None else sealed(key, value), ())
            for key, value in flush.rows.items()
        ]
        batches: dict[Place, list[Row]] = {(self._prefix + STATE, partition): state} if state else {}
        offsets = {TopicPartition(self._prefix + topic, partition): at for topic, at in flush.offsets.items()}
        try:
            counts = {record.topic: 0 for record in flush.records}
            for topic in counts:
                counts[topic] = await writer.partitions_for(self._prefix + topic)
            for record in flush.records:
                place = self._prefix + record.topic, _partition_for(record, counts[record.topic], partition)
                batches.setdefault(place, []).append((record.key, record.value, record.headers))
            if batches or offsets:
                await writer.write(batches, offsets, self._group)
        except BaseException:
            # Whatever became of it: only a new writer may go on.
            await self.release(partition)
            raise

    async def release(self, partition: int) -> None:
        """See ports.StateStore."""
        writer = self._writers.pop(partition, None)
        if writer is not None:
            await writer.abandon()

    async def close(self) -> None:
        """See ports.StateStore."""
        for partition in tuple(self._writers):
            await self.release(partition)


def _partition_for(record: Outgoing, count: int, own: int) -> int:
    if record.partition is not None:
        return record.partition
    return own % count if record.key is None else partition_of_key(record.key, count)
