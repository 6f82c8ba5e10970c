"""Fills the logs of both brokers with a load."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.topics import SOURCE_TOPICS, TOPICS
from resonanz_streams.transports.brokers import open_admin
from resonanz_streams.transports.kafka_url import parse
from resonanz_streams.transports.ports import Outgoing
from tests.bench.load import PARTITIONS, Load, Place

BATCH_BYTES: Final = 64 * 1024
_CHUNK: Final = 10_000


def ensure_topics(url: str) -> None:
    """Make every topic as the worker would."""
    admin = open_admin(url)
    try:
        admin.ensure(tuple(TOPICS.values()), PARTITIONS)
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
    return [Outgoing(topic, key, line) for (topic, _), key, line in load.places()]


def fill_kafka(url: str, load: Load) -> int:
    """Publish one event a record in lz4 batches; returns the number of records."""
    ensure_topics(url)
    asyncio.run(_fill_kafka(parse(url).client_settings(), load))
    return len(load)


async def _fill_kafka(settings: dict[str, Any], load: Load) -> None:
    producer = AIOKafkaProducer(**settings, compression_type="lz4", max_batch_size=BATCH_BYTES, acks="all")
    await producer.start()
    batches: dict[Place, Any] = {}
    sent = []

    async def send(place: Place) -> None:
        batch = batches.pop(place)
        batch.close()
        sent.append(await producer.send_batch(batch, place[0], partition=place[1]))

    try:
        for place, key, line in load.places():
            batch = batches.setdefault(place, None) or producer.create_batch()
            batches[place] = batch
            if batch.append(key=key, value=line, timestamp=None) is None:
                await send(place)
                batches[place] = producer.create_batch()
                batches[place].append(key=key, value=line, timestamp=None)
        for place in tuple(batches):
            await send(place)
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


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
