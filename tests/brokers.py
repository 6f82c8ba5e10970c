"""A broker for a test: the embedded log in a folder of its own, or a corner of the shared Apache Kafka."""

import asyncio
import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.topics import TOPICS
from resonanz_streams.transports.brokers import open_admin, open_store, open_tail
from resonanz_streams.transports.ports import Outgoing, Record, StateStore

PARTITIONS: Final = 3
_numbers = itertools.count()


@dataclass(frozen=True)
class Broker:
    """``prefix`` stands before the names of this test's topics, and of its groups."""

    url: str
    prefix: str

    @property
    def is_kafka(self) -> bool:
        return self.url.startswith("kafka")

    def create_topics(self, partitions: int = PARTITIONS) -> None:
        admin = open_admin(self.url, prefix=self.prefix)
        assert admin.ensure(tuple(TOPICS.values()), partitions) == []
        admin.close()

    def ends(self, topic: str) -> Mapping[int, int]:
        admin = open_admin(self.url, prefix=self.prefix)
        try:
            return admin.end_offsets(topic)
        finally:
            admin.close()

    def publish(self, *records: Outgoing) -> Mapping[tuple[str, int], int]:
        publisher = open_publisher(self.url, prefix=self.prefix)
        try:
            publisher.publish(records)
            return publisher.flush()
        finally:
            publisher.close()

    def store(self, group: str = "g") -> StateStore:
        return open_store(self.url, prefix=self.prefix, group=group)

    async def everything(self, *topics: str) -> list[Record]:
        """What the topics hold now."""
        tail = open_tail(self.url, topics, prefix=self.prefix)
        found: list[Record] = []
        try:
            while not tail.caught_up():
                found.extend(await tail.poll(1.0))
            return found
        finally:
            await tail.close()


def corner_of(kafka_url: str) -> Broker:
    """A part of a shared Kafka that no other test uses."""
    return Broker(kafka_url, f"t{os.getpid()}-{next(_numbers)}.")


def delete_topics(broker: Broker) -> None:
    """Take a Kafka's topics of this test away again."""
    asyncio.run(_delete(broker.url.removeprefix("kafka://"), broker.prefix))


async def _delete(servers: str, prefix: str) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=servers)
    await client.start()
    try:
        names: Sequence[str] = [name for name in await client.list_topics() if name.startswith(prefix)]
        if names:
            await client.delete_topics(list(names))
    finally:
        await client.close()
