"""An Apache Kafka, looked at without joining a group; see :class:`resonanz_streams.doctor.exam.Exam`."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

from resonanz_streams.doctor.exam import Member, Place
from resonanz_streams.engine import META_KEY
from resonanz_streams.errors import ResonanzError
from resonanz_streams.topics import COUNTED_TOPICS, STATE, TOPICS
from resonanz_streams.transports.kafka_admin import KafkaAdmin, patiently, settings_of
from resonanz_streams.transports.kafka_consumer import record_of
from resonanz_streams.transports.kafka_reach import reach
from resonanz_streams.transports.kafka_url import KafkaTarget, parse
from resonanz_streams.transports.ports import Record

_BACK: Final = 5_000
"""How far before its end a partition's head row is looked for: each flush writes it anew, last of all."""

_STALL_SECONDS: Final = 5.0
_UUID: Final = len("-123e4567-e89b-12d3-a456-426614174000")


class KafkaExam:
    """exam.Exam, by the admin's connections."""

    def __init__(self, url: str, *, prefix: str, group: str) -> None:
        self._target = parse(url)
        self._prefix = prefix
        self._group = group
        self._admin = KafkaAdmin(url, prefix=prefix)

    def reach(self) -> Sequence[str]:
        """See exam.Exam."""
        sentences = []
        for server in self._target.servers:
            try:
                asyncio.run(reach(KafkaTarget((server,), self._target.parameters)))
            except ResonanzError as error:
                sentences.append(str(error))
        return sentences

    def topics(self, partitions: int) -> Sequence[str]:
        """See exam.Exam."""
        return self._admin.check(tuple(TOPICS.values()), partitions)

    def retention_ms(self) -> Mapping[str, int]:
        """See exam.Exam."""
        names = {self._prefix + spec.name: spec.name for spec in TOPICS.values() if spec.cleanup == "delete"}

        async def asked(client: Any) -> Mapping[str, int]:
            known = [name for name in names if name in await client.list_topics()]
            found = await settings_of(client, known)
            return {
                names[name]: int(settings["retention.ms"])
                for name, settings in found.items()
                if settings.get("retention.ms", "").isdigit()
            }

        return self._admin.run(asked)

    def places(self) -> Sequence[Place]:
        """See exam.Exam."""

        async def asked(client: Any) -> Sequence[Place]:
            places = await self._partitions(client, *COUNTED_TOPICS)
            if not places:
                return []
            # The driver does not look at the answer's error: a coordinator that starts tells of no place.
            committed = await patiently(
                lambda: client.list_consumer_group_offsets(self._group, partitions=places)
            )
            async with self._admin.connected(AIOKafkaConsumer) as consumer:
                first, last = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
            return [
                Place(
                    place.topic.removeprefix(self._prefix),
                    place.partition,
                    first[place],
                    last[place],
                    found.offset if (found := committed.get(place)) and found.offset >= 0 else None,
                )
                for place in places
            ]

        return self._admin.run(asked)

    async def _partitions(self, client: Any, *topics: str) -> list[TopicPartition]:
        wanted = {self._prefix + topic for topic in topics}
        return [
            TopicPartition(found["topic"], part["partition"])
            for found in await client.describe_topics()
            if found["topic"] in wanted
            for part in sorted(found["partitions"], key=lambda part: int(part["partition"]))
        ]

    def members(self) -> Sequence[Member]:
        """See exam.Exam."""
        return [self._member(member) for member in self._admin.described(self._group)]

    def _member(self, member: Sequence[Any]) -> Member:
        identity, _, host, _, assignment = member[:5] if isinstance(member[3], bytes) else _static(member)
        owned = ConsumerProtocolMemberAssignment.decode(assignment).assignment if assignment else ()
        likes = next((numbers for topic, numbers in owned if topic == f"{self._prefix}likes"), ())
        return Member(f"{identity[:-_UUID]} on {host.lstrip('/')}", len(likes))

    def heads(self) -> Mapping[int, bytes]:
        """See exam.Exam."""
        key = f"{self._group}/".encode() + META_KEY
        rows = (record for record in self.newest(STATE, _BACK) if record.key == key and record.value)
        return {record.partition: record.value for record in rows if record.value}

    def newest(self, topic: str, count: int) -> Sequence[Record]:
        """See exam.Exam. What belongs to no finished transaction is left out."""

        async def read(client: Any) -> Sequence[Record]:
            places = await self._partitions(client, topic)
            if not places:
                return []
            async with self._admin.connected(AIOKafkaConsumer) as consumer:
                consumer.assign(places)
                first, last = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
                for place in places:
                    consumer.seek(place, max(first[place], last[place] - count))
                return [record_of(topic, found) for found in await _until(consumer, last)]

        return self._admin.run(read)

    def written_ms(self) -> int | None:
        """See exam.Exam."""
        return None

    def close(self) -> None:
        """See exam.Exam."""
        self._admin.close()


def _static(member: Sequence[Any]) -> Sequence[Any]:
    """Since version 4 a member's name stands after its identity."""
    return member[0], *member[2:6]


async def _until(consumer: Any, last: Mapping[TopicPartition, int]) -> list[Any]:
    found: list[Any] = []
    loop = asyncio.get_running_loop()
    until = loop.time() + _STALL_SECONDS
    # An open transaction may hold the end up: what is before it must do.
    while loop.time() < until and any([await consumer.position(place) < end for place, end in last.items()]):
        for records in (await consumer.getmany(timeout_ms=200)).values():
            found.extend(records)
            until = loop.time() + _STALL_SECONDS
    return found
