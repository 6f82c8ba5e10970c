"""The log that the peers read: their windows go by the records' own times."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from tests.bench.load import PARTITIONS, SENTINEL_MS, make_load
from tests.bench.logs import fill_kafka
from tests.brokers import Broker

from resonanz_streams.clock import wall_ms
from resonanz_streams.topics import INTERACTION_TOPICS
from resonanz_streams.transports.kafka_url import parse


async def times(kafka: Broker, records: int) -> list[int]:
    consumer = AIOKafkaConsumer(**parse(kafka.url).client_settings(), auto_offset_reset="earliest")
    await consumer.start()
    try:
        topics = [kafka.prefix + topic for topic in INTERACTION_TOPICS]
        consumer.assign([TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)])
        found: list[int] = []
        while len(found) < records:
            for batch in (await consumer.getmany(timeout_ms=5_000)).values():
                found += [record.timestamp for record in batch]
        return found
    finally:
        await consumer.stop()


def test_a_record_bears_the_time_of_its_event(kafka: Broker) -> None:
    end_ms = wall_ms() - 60_000
    load = make_load(2, accounts=8, end_ms=end_ms, span_ms=3_600_000)
    records = fill_kafka(kafka.url, load, kafka.prefix)
    found = sorted(asyncio.run(times(kafka, records)))
    assert found[:2] == [end_ms - 3_600_000, end_ms]
    assert set(found[2:]) == {end_ms + SENTINEL_MS}
