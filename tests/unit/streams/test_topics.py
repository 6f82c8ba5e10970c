"""Where records go."""

import random

import pytest
from kafka.partitioner.default import DefaultPartitioner

from resonanz_streams.topics import (
    DEAD_LETTERS,
    DEEP,
    INTERACTION_TOPICS,
    KIND_OF_TOPIC,
    KPIS,
    LATE,
    SOURCE_TOPICS,
    STATE,
    STATUS,
    TOPIC_OF_KIND,
    TOPICS,
    partition_of,
    partition_of_key,
)


def test_the_names_of_the_contract() -> None:
    assert SOURCE_TOPICS == ("likes", "comments", "shares", "posts", "audience")
    assert INTERACTION_TOPICS == ("likes", "comments", "shares")
    assert (STATUS, KPIS, DEEP) == ("connectors.status", "kpis", "kpis.deep")
    assert (LATE, DEAD_LETTERS) == ("late", "dead-letters")
    assert TOPIC_OF_KIND == {"like": "likes", "comment": "comments", "share": "shares"}
    assert KIND_OF_TOPIC == {"likes": "like", "comments": "comment", "shares": "share"}
    assert set(TOPICS) == {*SOURCE_TOPICS, STATUS, KPIS, DEEP, LATE, DEAD_LETTERS, STATE}


@pytest.mark.parametrize(
    ("key", "hashed"),
    # org.apache.kafka.common.utils.UtilsTest.testMurmur2.
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    ],
)
def test_the_partition_is_the_java_client_s(key: str, hashed: int) -> None:
    """DefaultPartitioner: toPositive(murmur2(key)) % partitions, where toPositive clears the sign."""
    for partitions in (1, 4, 7, 100):
        assert partition_of(key, partitions) == (hashed & 0x7FFFFFFF) % partitions


@pytest.mark.parametrize(
    ("account", "partition"),
    [("file:a", 0), ("file:b", 3), ("file:e", 1), ("bluesky:did:plc:abc", 0), ("mastodon:ü@日本", 3)],
)
def test_accounts_stay_where_they_are(account: str, partition: int) -> None:
    """The state of an account lies in its partition: other numbers would lose it."""
    assert partition_of(account, 4) == partition


class Cluster:
    """A topic with this many partitions, as kafka-python asks for it."""

    def __init__(self, partitions: int) -> None:
        self._partitions = set(range(partitions))

    def topics(self) -> set[str]:
        return {"likes"}

    def partitions_for_topic(self, _: str) -> set[int]:
        return self._partitions

    def available_partitions_for_topic(self, _: str) -> set[int]:
        return self._partitions


def test_kafka_python_agrees() -> None:
    rng = random.Random(1)
    chooser = DefaultPartitioner()
    for _ in range(500):
        key, partitions = rng.randbytes(rng.randrange(40)), rng.randrange(1, 50)
        theirs = chooser.partition("likes", key, key, b"", b"", Cluster(partitions))
        assert partition_of_key(key, partitions) == theirs


def test_compacted_topics_are_small_to_read_again_and_logs_last_five_weeks() -> None:
    compacted = {name for name, spec in TOPICS.items() if spec.cleanup == "compact"}
    assert compacted == {STATE, KPIS, DEEP, STATUS}
    assert TOPICS[STATE].kafka_config()["segment.ms"] == "60000"
    assert TOPICS["likes"].kafka_config() == {
        "cleanup.policy": "delete",
        "retention.ms": str(35 * 86_400_000),
        "max.message.bytes": str(2 * 2**20),
        "message.timestamp.type": "LogAppendTime",
    }
    assert TOPICS[STATUS].partitions == 1
