"""When the first record that is left was written: Kafka's word is taken for it, a producer's is not."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer
from tests.broker.test_topics import configs
from tests.brokers import Broker
from tests.counting import Counting, audited, settings_on
from tests.engines import event, line
from tests.faults.test_log_changed import remove

from resonanz_streams.clock import wall_ms
from resonanz_streams.errors import StopError
from resonanz_streams.rebuild import rebuild
from resonanz_streams.registry import build_registry
from resonanz_streams.topics import DAY_MS, TOPICS
from resonanz_streams.transports.brokers import open_archive
from resonanz_streams.transports.ports import Beginning

HOUR_MS = 3_600_000


async def produce(kafka: Broker, at_ms: int, identity: str) -> tuple[int, int]:
    """As a producer of others that stamps records with the time of what they tell."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.url.removeprefix("kafka://"))
    await producer.start()
    try:
        value = line(event(account="file:a", id=identity, at_ms=at_ms))
        sent = await producer.send_and_wait(f"{kafka.prefix}likes", value, key=b"file:a", timestamp_ms=at_ms)
        return sent.partition, sent.offset
    finally:
        await producer.stop()


async def beginning(kafka: Broker, partition: int) -> Beginning:
    archive = open_archive(kafka.url, prefix=kafka.prefix, group="g")
    try:
        return await archive.beginning("likes", partition)
    finally:
        await archive.close()


@pytest.mark.parametrize("stamps", ["LogAppendTime", "CreateTime"])
def test_an_old_stamp_behind_what_was_removed_does_not_hide_the_loss(kafka: Broker, stamps: str) -> None:
    kafka.create_topics()
    if stamps == "CreateTime":
        configs(kafka, "likes", TOPICS["likes"].kafka_config() | {"message.timestamp.type": stamps})
    settings, now = settings_on(kafka, "file:a"), wall_ms()

    async def told() -> tuple[int, int]:
        await produce(kafka, now - HOUR_MS, "new")
        return await produce(kafka, now - 34 * DAY_MS, "old")

    async def count() -> None:
        async with Counting(settings, clock_ms=now) as worker:
            await worker.read()
            await worker.tick(31_000)

    partition, offset = asyncio.run(told())
    asyncio.run(count())
    remove(kafka, {("likes", partition): offset})
    first = asyncio.run(beginning(kafka, partition))
    assert first.offset == offset
    assert (first.at_ms is None) == (stamps == "CreateTime")
    assert first.at_ms is None or now <= first.at_ms <= wall_ms()
    report = asyncio.run(audited(settings, at_ms=now + 60_000))
    assert report.differences == []
    assert {window for source, window, _ in report.unchecked if source == "state"} == {"24h", "7d", "28d"}
    with pytest.raises(StopError, match="24h, 7d, 28d would lose it; nothing was changed"):
        asyncio.run(rebuild(settings, build_registry(settings), clock=lambda: now + 60_000))
