"""How topics are set up on Apache Kafka, and what is said of those that somebody else set up."""

import asyncio
from collections.abc import Mapping

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from tests.brokers import Broker
from tests.processes import wait_until

from resonanz_streams.topics import TOPICS
from resonanz_streams.transports.brokers import open_admin


@pytest.fixture
def place(kafka: Broker) -> Broker:
    kafka.create_topics()
    return kafka


async def _configs(place: Broker, topic: str, changes: Mapping[str, str] | None) -> dict[str, str]:
    client = AIOKafkaAdminClient(bootstrap_servers=place.url.removeprefix("kafka://"))
    await client.start()
    try:
        name = place.prefix + topic
        if changes is not None:
            await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, dict(changes))])
        (answer,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        return {entry[0]: entry[1] for entry in answer.resources[0][4]}
    finally:
        await client.close()


def configs(place: Broker, topic: str, changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """A topic's settings, once the changes are in force."""
    found = asyncio.run(_configs(place, topic, changes))
    if changes is not None:
        wait_until(
            lambda: asyncio.run(_configs(place, topic, None)).items() >= changes.items(), "they are in force"
        )
    return found


def sentences(place: Broker) -> list[str]:
    admin = open_admin(place.url, prefix=place.prefix)
    try:
        return list(admin.check(tuple(TOPICS.values()), 3))
    finally:
        admin.close()


def test_source_topics_are_kept_35_days(place: Broker) -> None:
    found = configs(place, "likes")
    assert (found["cleanup.policy"], found["retention.ms"]) == ("delete", str(35 * 86_400_000))
    assert found["max.message.bytes"] == str(2 * 2**20)


@pytest.mark.parametrize("topic", ["engine-state", "kpis", "connectors.status"])
def test_compacted_topics_are_compacted_soon(place: Broker, topic: str) -> None:
    found = configs(place, topic)
    assert found["cleanup.policy"] == "compact"
    assert (found["segment.ms"], found["min.cleanable.dirty.ratio"]) == ("60000", "0.1")
    assert found["segment.bytes"] == str(64 * 2**20)


def test_settings_that_lose_data_or_let_nobody_write_are_named_with_their_mend(place: Broker) -> None:
    configs(
        place,
        "likes",
        {"cleanup.policy": "compact", "max.message.bytes": "1000000", "retention.ms": "86400000"},
    )
    name = f"{place.prefix}likes"
    mend = (
        f"mend it with: kafka-configs.sh --bootstrap-server {place.url.removeprefix('kafka://')} --alter "
        f"--entity-type topics --entity-name {name} --add-config"
    )
    assert sentences(place) == [
        f"topic {name} has cleanup.policy compact, it must be delete; {mend} cleanup.policy=delete",
        (
            f"topic {name} takes records of 1000000 bytes, it must take 2097152; "
            f"{mend} max.message.bytes=2097152"
        ),
        (
            f"topic {name} keeps records for 24 h, the windows and rebuild need 840 h; "
            f"{mend} retention.ms=3024000000"
        ),
    ]


def test_more_than_is_needed_is_the_operators_choice(place: Broker) -> None:
    configs(place, "likes", {"retention.ms": "-1", "max.message.bytes": "5000000"})
    configs(place, "kpis", {"cleanup.policy": "compact", "segment.ms": "600000"})
    assert [line for line in sentences(place) if "likes" in line] == []


def test_topics_of_other_prefixes_are_not_looked_at(place: Broker, kafka_url: str) -> None:
    other = Broker(kafka_url, f"{place.prefix}other.")
    assert len(sentences(other)) == len(TOPICS)
    assert sentences(place) == []
