"""What the engine, the connectors and the wall ask of a broker; SQLite and Kafka both answer.

Topic names are given and returned without the configured prefix: the implementations add it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from resonanz_streams.topics import TopicSpec

Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Record:
    """One record as read from a topic partition."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to write. ``partition`` None: chosen by murmur2 of the key."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive records of one topic partition, in offset order, handed to an agent as one message.

    ``values[i]`` is the record at ``offsets[i]``: one JSON event, or several, one per line. A record
    without a value (a tombstone somebody wrote) is an empty ``bytes``. ``next_offset`` is where the
    next run begins; it may be greater than the last offset + 1 (transaction markers, compaction).
    ``first_offset`` is the position the fetch asked for. ``lost``: how many records from there on retention
    had removed; those of a log with transactions' markers among them are counted too, nobody can tell.
    """

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    values: Sequence[bytes]
    offsets: Sequence[int]
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a partition's owner finds: state rows by key, and the next offset to read per topic.

    ``ends``: the offset after the last record of each topic that holds any at this moment.
    """

    rows: Mapping[bytes, bytes]
    offsets: Mapping[str, int]
    ends: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Flush:
    """One atomic write of a partition: all of it becomes visible, or none of it.

    ``rows`` go to the state of the partition (None deletes), ``offsets`` are the next offsets of the
    source topics that the rows contain, ``records`` are dead letters and late events.
    """

    rows: Mapping[bytes, bytes | None]
    offsets: Mapping[str, int]
    records: Sequence[Outgoing] = field(default=())


class StateStore(Protocol):
    """Durable state of the partitions that this worker owns. One per worker.

    A partition number stands for that partition of every source topic and of the state.
    """

    async def recover(self, partition: int) -> Recovered:
        """Take the partition over, fencing any earlier owner, and read its state.

        Raises:
            RetryError: the broker is away.
            StopError: the state cannot be read.
        """

    async def flush(self, partition: int, flush: Flush) -> None:
        """Write atomically; returns once it is durable. Flushes of one partition never overlap.

        Raises:
            FencedError: another worker owns the partition; nothing was written.
            RetryError: the broker is away; nothing was written, or it is not known whether: the
                partition must be recovered before it goes on.
        """

    async def release(self, partition: int) -> None:
        """Give the partition up, after its last flush."""

    async def close(self) -> None:
        """Release everything."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a topic partition begins: its first offset that still exists, and when the log took that record
    (epoch ms; None if there is no record, or if it only says what its producer wrote)."""

    offset: int
    at_ms: int | None


class Archive(Protocol):
    """What has been written, read to its end without taking anything over: beside workers, or without any.

    Every method raises RetryError when the broker is away, StopError when it cannot be read.
    """

    async def state(self, partition: int) -> Mapping[bytes, bytes]:
        """The state rows of a partition as of one moment: whole flushes, never half of one."""

    async def ends(self, topic: str) -> Mapping[int, int]:
        """The offset after the last record, per partition."""

    async def beginning(self, topic: str, partition: int) -> Beginning:
        """Where the log begins now; with retention it moves on."""

    def runs(self, topic: str, partition: int, end: int) -> AsyncIterator[Run]:
        """Every record that still exists below offset ``end``, from the earliest on."""

    def records(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """The records of [start, end) that still exist, with key and headers."""

    async def close(self) -> None:
        """Release."""


class Publisher(Protocol):
    """Writes records durably: Kafka with acks=all and idempotence, or the SQLite log. Thread-safe.

    Records of one key stay in the order in which they were given.
    """

    def publish(self, records: Sequence[Outgoing]) -> None:
        """Queue records; may block while the broker is slow (back-pressure).

        Raises:
            RetryError: the broker is away and the queue is full.
        """

    def flush(self) -> Mapping[tuple[str, int], int]:
        """Wait until every queued record is durable.

        Returns the next offset after the last record written so far, per (topic, partition).

        Raises:
            RetryError: at least one record could not be written; publish them again (readers count
                them once).
        """

    def close(self) -> None:
        """Flush and release."""


class Tail(Protocol):
    """Reads whole topics from their beginning and then follows them, without a consumer group."""

    async def poll(self, timeout_seconds: float) -> Sequence[Record]:
        """Next records in offset order per partition; empty after the time-out.

        Raises:
            RetryError: the broker is away; polling again later continues where it was.
        """

    def caught_up(self) -> bool:
        """Whether everything that existed when the tail was opened has been returned."""

    async def close(self) -> None:
        """Release."""


class Admin(Protocol):
    """Creates and checks topics."""

    def ensure(self, specs: Sequence[TopicSpec], partitions: int) -> Sequence[str]:
        """Create what is missing; returns a sentence for each topic that exists but is set up wrongly."""

    def check(self, specs: Sequence[TopicSpec], partitions: int) -> Sequence[str]:
        """As ``ensure``, but a missing topic is a sentence too and nothing is created."""

    def end_offsets(self, topic: str) -> Mapping[int, int]:
        """Offset after the last record, per partition; empty if the topic does not exist."""

    def members(self, group: str) -> Sequence[str]:
        """The workers that a group has now, by whatever name they have."""

    def close(self) -> None:
        """Release."""


class Ownership(Protocol):
    """What a Faust consumer tells the worker about the partitions that it owns.

    A partition number stands for that partition of every source topic: they are assigned together.
    ``ours_until``, on the monotonic clock: later others may own them. A group's coordinator that answers
    moves it on. ``ours_from``: earlier another one may not have heard yet that it has lost them.
    """

    ours_from: float
    ours_until: float

    async def assigned(self, partitions: frozenset[int]) -> Mapping[tuple[str, int], int]:
        """Recover ``partitions``; returns the next offset to read per (topic, partition).

        A pair that is missing starts at the earliest record. Called before any record of them is
        fetched, with the whole set owned from now on; partitions already owned keep their state.
        """

    async def revoked(self, partitions: frozenset[int]) -> None:
        """Flush and give up these partitions; no record of them may be handed on after this began."""
