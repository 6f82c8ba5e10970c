"""Where records go: topic names, their settings, and the partition of an account."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from kafka.partitioner.default import murmur2

from resonanz_streams.events import Kind

DAY_MS: Final = 86_400_000
RETENTION_MS: Final = 35 * DAY_MS
"""How long records are kept, where nobody wants them longer."""

TOPIC_OF_KIND: Final[dict[Kind, str]] = {"like": "likes", "comment": "comments", "share": "shares"}
KIND_OF_TOPIC: Final[dict[str, Kind]] = {topic: kind for kind, topic in TOPIC_OF_KIND.items()}
INTERACTION_TOPICS: Final = tuple(KIND_OF_TOPIC)
LEDGER_TOPICS: Final = (*INTERACTION_TOPICS, "posts")
"""Whose records count once; their kinds are :data:`resonanz_streams.events.LEDGER_KINDS`, in this order."""

COUNTED_TOPICS: Final = (*LEDGER_TOPICS, "audience")
"""What workers read and count."""

SOURCE_TOPICS: Final = COUNTED_TOPICS
STATUS: Final = "connectors.status"
KPIS: Final = "kpis"
DEEP: Final = "kpis.deep"
"""As ``kpis``, with the KPIs that are computed from all that stands: larger, told more seldom."""

LATE: Final = "late"
DEAD_LETTERS: Final = "dead-letters"
PUBLISHED: Final = (*SOURCE_TOPICS, DEAD_LETTERS, STATUS)
"""What connectors write, and all that they need to see."""

STATE: Final = "engine-state"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How a topic must be set up. ``partitions`` None means: as many as the source topics have."""

    name: str
    cleanup: Literal["delete", "compact"]
    partitions: int | None = None
    retention_ms: int = RETENTION_MS

    def kafka_config(self) -> dict[str, str]:
        """Topic settings for Kafka.

        Compaction skips the active segment, so compacted topics get small segments and a low dirty
        ratio: else a worker that starts would read hours of superseded rows. A log's records bear the
        broker's time: producers may write any, and neither retention nor an audit could go by it.
        """
        if self.cleanup == "compact":
            return {
                "cleanup.policy": "compact",
                "segment.ms": "60000",
                "segment.bytes": str(64 * 2**20),
                "min.cleanable.dirty.ratio": "0.1",
                "delete.retention.ms": "3600000",
                "max.message.bytes": str(2 * 2**20),
            }
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(2 * 2**20),
            "message.timestamp.type": "LogAppendTime",
        }


TOPICS: Final[dict[str, TopicSpec]] = {
    spec.name: spec
    for spec in (
        *(TopicSpec(name, "delete") for name in SOURCE_TOPICS),
        TopicSpec(LATE, "delete"),
        TopicSpec(DEAD_LETTERS, "delete"),
        TopicSpec(STATE, "compact"),
        TopicSpec(KPIS, "compact"),
        TopicSpec(DEEP, "compact"),
        TopicSpec(STATUS, "compact", partitions=1),
    )
}


def partition_of(account: str, partitions: int) -> int:
    """The partition that owns ``account``: what Java, librdkafka (murmur2) and kafka-python choose."""
    return partition_of_key(account.encode(), partitions)


@lru_cache(maxsize=65_536)  # the hash is plain Python: 4 us a key
def partition_of_key(key: bytes, partitions: int) -> int:
    """The partition of a record's key, which may be any bytes."""
    return (int(murmur2(key)) & 0x7FFFFFFF) % partitions
