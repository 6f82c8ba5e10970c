"""Fills the logs of both brokers with a load."""

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any, Final, Self

import msgspec
from aiokafka import AIOKafkaProducer

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.topics import INTERACTION_TOPICS, SOURCE_TOPICS, TOPICS, TopicSpec
from resonanz_streams.transports.brokers import open_admin
from resonanz_streams.transports.kafka_url import parse
from resonanz_streams.transports.ports import Outgoing
from tests.bench.load import PARTITIONS, Load, Place

BATCH_BYTES: Final = 64 * 1024
_CHUNK: Final = 10_000


class _ProducersTime(TopicSpec):
    """A topic whose records keep the time that the producer wrote: the peers' windows go by it."""

    def kafka_config(self) -> dict[str, str]:
        return super().kafka_config() | {"message.timestamp.type": "CreateTime"}


def ensure_topics(url: str, prefix: str = "") -> None:
    """Make every topic as the worker would."""
    _ensure(url, prefix, tuple(TOPICS.values()))


def _ensure(url: str, prefix: str, specs: Sequence[TopicSpec]) -> None:
    admin = open_admin(url, prefix=prefix)
    try:
        admin.ensure(specs, PARTITIONS)
    finally:
        admin.close()


def fill_sqlite(url: str, load: Load) -> int:
    """Publish as a connector does that is catching up; returns the number of records (of many lines)."""
    ensure_topics(url)
    publisher = open_publisher(url)
    records = outgoing(load)
    for start in range(0, len(records), _CHUNK):
        publisher.publish(records[start : start + _CHUNK])
        publisher.flush()
    publisher.close()
    return records_in(url)


def records_in(url: str) -> int:
    """How many records the source topics hold."""
    admin = open_admin(url)
    try:
        return sum(sum(admin.end_offsets(topic).values()) for topic in SOURCE_TOPICS)
    finally:
        admin.close()


def outgoing(load: Load) -> list[Outgoing]:
    """One record an event."""
    return [Outgoing(topic, key, line) for (topic, _), key, line, _ in load.places()]


def fill_kafka(url: str, load: Load, prefix: str = "") -> int:
    """Publish one event a record in lz4 batches, each with its own time, and the sentinels; returns the
    number of records."""
    _ensure(url, prefix, [_ProducersTime(name, "delete") for name in INTERACTION_TOPICS])
    ensure_topics(url, prefix)
    sentinels = list(load.sentinels())

    async def fill() -> None:
        async with Packer(url, prefix) as packer:
            for place, key, line, at_ms in load.places():
                await packer.add(place, key, line, at_ms)
            for place, key, line, at_ms in sentinels:
                await packer.add(place, key, line, at_ms)

    asyncio.run(fill())
    return len(load) + len(sentinels)


class Packer:
    """Sends one line a record, packed into lz4 batches as large as the broker likes them."""

    def __init__(self, url: str, prefix: str = "") -> None:
        self._settings = parse(url).client_settings()
        self._prefix = prefix
        self._batches: dict[Place, Any] = {}
        self._sent: list[Awaitable[Any]] = []

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(
            **self._settings, compression_type="lz4", max_batch_size=BATCH_BYTES, acks="all"
        )
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.flush()
        finally:
            await self._producer.stop()

    async def add(self, place: Place, key: bytes, line: bytes, at_ms: int) -> None:
        """Pack a line; a full batch goes out."""
        batch = self._batches.get(place) or self._producer.create_batch()
        self._batches[place] = batch
        if batch.append(key=key, value=line, timestamp=at_ms) is None:
            await self._send(place)
            batch = self._batches[place] = self._producer.create_batch()
            batch.append(key=key, value=line, timestamp=at_ms)

    async def _send(self, place: Place) -> None:
        batch = self._batches.pop(place)
        batch.close()
        topic, partition = self._prefix + place[0], place[1]
        self._sent.append(await self._producer.send_batch(batch, topic, partition=partition))

    async def flush(self) -> None:
        """Send what is packed; returns when the broker has all of it."""
        for place in tuple(self._batches):
            await self._send(place)
        sent, self._sent = self._sent, []
        await asyncio.gather(*sent)


def write_config(folder: Path, name: str, data: dict[str, Any]) -> Path:
    """A configuration file; JSON is YAML."""
    path = folder / f"{name}.yaml"
    key = folder / "key"
    key.write_text("0123456789abcdef0123456789abcdef")
    path.write_bytes(msgspec.json.encode(data | {"pseudonym_key": f"file:{key}"}))
    return path


def split(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """In pieces of ``size``."""
    return [items[start : start + size] for start in range(0, len(items), size)]
