"""Bare aiokafka, the limit of every consumer in Python: ``python -m tests.bench.drain URL RECORDS``."""

import asyncio
import sys

from aiokafka import AIOKafkaConsumer, TopicPartition

from resonanz_streams.topics import INTERACTION_TOPICS
from resonanz_streams.transports.kafka_url import parse
from tests.bench.children import tell
from tests.bench.figures import measured
from tests.bench.load import PARTITIONS


async def drain(url: str, records: int) -> None:
    """Fetch them all and do nothing with them."""
    consumer = AIOKafkaConsumer(**parse(url).client_settings(), auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign(
        [TopicPartition(topic, number) for topic in INTERACTION_TOPICS for number in range(PARTITIONS)]
    )
    with measured(records) as found:
        left = records
        while left > 0:
            fetched = await consumer.getmany(timeout_ms=1000)
            left -= sum(map(len, fetched.values()))
    await consumer.stop()
    tell("round", round=found())


if __name__ == "__main__":
    asyncio.run(drain(sys.argv[1], int(sys.argv[2])))
