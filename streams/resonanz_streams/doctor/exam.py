"""What the doctor asks of a broker. Nothing is made, written, joined or taken over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from resonanz_streams.transports.brokers import scheme_of
from resonanz_streams.transports.ports import Record


@dataclass(frozen=True, slots=True)
class Place:
    """A partition of a source topic: its first and next offset, and what the group has committed."""

    topic: str
    partition: int
    first: int
    end: int
    committed: int | None


@dataclass(frozen=True, slots=True)
class Member:
    """A worker of the group and how many partitions of topic ``likes`` it owns (None: not known)."""

    name: str
    partitions: int | None


class Exam(Protocol):
    """Every method raises ResonanzError where the broker is away or does not let us look."""

    def reach(self) -> Sequence[str]:
        """A sentence for each broker that does not answer, though others do."""

    def topics(self, partitions: int) -> Sequence[str]:
        """A sentence for each topic that is missing or set up wrongly."""

    def retention_ms(self) -> Mapping[str, int]:
        """How long each topic that ends keeps its records, where the broker has such a setting."""

    def places(self) -> Sequence[Place]:
        """Every partition of the topics that workers read."""

    def members(self) -> Sequence[Member]:
        """The workers that run now."""

    def heads(self) -> Mapping[int, bytes]:
        """The head row of each partition's state that was found, as it is stored."""

    def newest(self, topic: str, count: int) -> Sequence[Record]:
        """The last records of each of the topic's partitions, oldest first."""

    def written_ms(self) -> int | None:
        """When this machine's clock stood at the newest record; None if other machines write too."""

    def close(self) -> None:
        """Release."""


def open_exam(url: str, *, prefix: str, group: str) -> Exam:
    """An examination of the broker at ``url``.

    Raises:
        ResonanzError: it is away, or does not let us look.
    """
    if scheme_of(url) == "sqlite":
        from resonanz_streams.doctor.sqlite_exam import SqliteExam

        return SqliteExam(url, prefix=prefix, group=group)
    from resonanz_streams.doctor.kafka_exam import KafkaExam

    return KafkaExam(url, prefix=prefix, group=group)
