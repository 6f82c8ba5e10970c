"""Bare aiokafka, the limit of every consumer in Python: ``python -m tests.bench.drain SERVERS GROUP EVENTS
RECORDS TOPIC…``.
"""

import asyncio
import sys
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.bench.load import PARTITIONS
from tests.bench.telling import Watch


async def drain(servers: str, records: int, topics: Sequence[str]) -> None:
    """Fetch them all and do nothing with them."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)])
    watch, left = Watch(), records
    watch.start()
    while left > 0:
        fetched = await consumer.getmany(timeout_ms=1000)
        left -= sum(map(len, fetched.values()))
    watch.stop(records, records)
    await consumer.stop()


if __name__ == "__main__":
    asyncio.run(drain(sys.argv[1], int(sys.argv[4]), sys.argv[5:]))
