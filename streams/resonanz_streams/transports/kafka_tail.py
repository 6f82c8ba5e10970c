"""Whole topics from their beginning, then what comes, without a consumer group; see ports.Tail."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from resonanz_streams.errors import RetryError
from resonanz_streams.transports.kafka_consumer import end, record_of
from resonanz_streams.transports.kafka_reach import reach, told
from resonanz_streams.transports.kafka_url import parse
from resonanz_streams.transports.ports import Record

_LOOK_SECONDS: Final = 2.0
"""How often it is looked whether the broker answers and topics have been made, while nothing comes."""

_MAX_RECORDS: Final = 5_000
_CONNECT_SECONDS: Final = 10.0


class KafkaTail:
    """ports.Tail over one or more topics. A topic or partition made later is read from then on.

    Only what is committed is returned. It remembers where it is, and so outlives every connection.
    """

    def __init__(self, url: str, topics: Sequence[str], *, prefix: str) -> None:
        self._target = parse(url)
        self._prefix = prefix
        self._topics = tuple(topics)
        self._positions: dict[TopicPartition, int] = {}
        self._goal: dict[TopicPartition, int] | None = None
        self._consumer: Any = None
        self._look_at = 0.0

    async def poll(self, timeout_seconds: float) -> Sequence[Record]:
        """See ports.Tail."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_seconds
        try:
            if self._consumer is None:
                await self._connect()
            while True:
                seconds = max(0.0, min(until, self._look_at) - loop.time())
                if records := await self._fetch(seconds):
                    self._look_at = loop.time() + _LOOK_SECONDS
                    return records
                if loop.time() >= self._look_at:
                    await self._look()
                if loop.time() >= until:
                    return ()
        except (KafkaError, TimeoutError) as error:
            await self._disconnect()
            raise await told(self._target, error) from None

    async def _connect(self) -> None:
        await reach(self._target)
        self._consumer = AIOKafkaConsumer(
            **self._target.client_settings(),
            client_id="resonanz",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=100,
            request_timeout_ms=int(_CONNECT_SECONDS * 1000),
        )
        await self._consumer.start()
        await self._look()

    async def _look(self) -> None:
        """Ask the broker what there is; it raises if the broker is away."""
        consumer = self._consumer
        async with asyncio.timeout(_CONNECT_SECONDS):
            known = await consumer._client.fetch_all_metadata()  # noqa: SLF001  # the public one drops partitions
            places = {
                TopicPartition(self._prefix + topic, number)
                for topic in self._topics
                for number in known.partitions_for_topic(self._prefix + topic) or ()
            }
            if places != set(consumer.assignment()):
                await self._assign(places)
            if self._goal is None:
                self._goal = await consumer.end_offsets(list(places)) if places else {}
        seen = {place.topic for place in places}
        unseen = [name for topic in self._topics if (name := self._prefix + topic) not in seen]
        if unseen and self._target.security != "plaintext":
            # Without a right to it a topic looks as if it did not exist: nobody must wait for it in silence.
            raise RetryError(self._target.lacks(unseen[0]))
        self._look_at = asyncio.get_running_loop().time() + _LOOK_SECONDS

    async def _assign(self, places: set[TopicPartition]) -> None:
        consumer = self._consumer
        consumer.assign(list(places))
        fresh = places - self._positions.keys()
        for place, position in self._positions.items():
            if place in places:
                consumer.seek(place, position)
        if fresh:
            await consumer.seek_to_beginning(*fresh)

    async def _fetch(self, seconds: float) -> list[Record]:
        consumer = self._consumer
        if not consumer.assignment():
            await asyncio.sleep(seconds)
            return []
        fetched = await consumer.getmany(timeout_ms=int(seconds * 1000), max_records=_MAX_RECORDS)
        # Also without records: what has been compacted or belongs to a transaction moves the position.
        for place in consumer.assignment():
            self._positions[place] = await consumer.position(place)
        return [
            record_of(place.topic.removeprefix(self._prefix), record)
            for place, records in fetched.items()
            for record in records
        ]

    def caught_up(self) -> bool:
        """See ports.Tail."""
        return self._goal is not None and all(
            self._positions.get(place, 0) >= end for place, end in self._goal.items()
        )

    async def _disconnect(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await end(consumer)

    async def close(self) -> None:
        """See ports.Tail."""
        await self._disconnect()
