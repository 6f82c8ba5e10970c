"""How connectors write: to the embedded log here, to Kafka in :mod:`resonanz_connectors.kafka_publisher`."""

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from resonanz_streams.clock import Clock, wall_ms
from resonanz_streams.topics import SOURCE_TOPICS
from resonanz_streams.transports.brokers import scheme_of
from resonanz_streams.transports.ports import Outgoing, Publisher
from resonanz_streams.transports.sqlite_log import SqliteLog
from resonanz_streams.transports.sqlite_schema import path_of

PACKED_BYTES: Final = 256 * 1024
_BUFFER_BYTES: Final = 4 * 2**20
Place = tuple[str, int]


def open_publisher(url: str, *, prefix: str = "") -> Publisher:
    """A publisher for the broker at ``url``.

    Raises:
        ConfigurationError: the URL is not one of ours.
        StopError, RetryError: the broker cannot be used, or not now.
    """
    if scheme_of(url) == "sqlite":
        return SqlitePublisher(url, prefix=prefix)
    from resonanz_connectors.kafka_publisher import KafkaPublisher

    return KafkaPublisher(url, prefix=prefix)


class _Packs:
    """Lines of one topic partition collect in a record until it is full or must give way."""

    def __init__(self) -> None:
        self.done: list[Outgoing] = []
        self._open: dict[Place, list[Outgoing]] = {}
        self._sizes: dict[Place, int] = {}

    def add(self, place: Place, record: Outgoing, size: int) -> None:
        if place in self._open and self._sizes[place] + size > PACKED_BYTES:
            self.end(place)
        self._open.setdefault(place, []).append(record)
        self._sizes[place] = self._sizes.get(place, 0) + size + 1  # the newline

    def end(self, place: Place) -> None:
        lines = self._open.pop(place, None)
        if lines:
            self.done.append(_joined(place, lines))
            del self._sizes[place]

    def end_all(self) -> list[Outgoing]:
        for place in tuple(self._open):
            self.end(place)
        return self.done


def packed(
    records: Sequence[Outgoing], topics: frozenset[str], partition_for: Callable[[Outgoing], int]
) -> list[Outgoing]:
    """The same lines in fewer records: those of one partition of ``topics`` share records of up to
    ``PACKED_BYTES`` (a larger one stays alone).

    The order within a partition stays. Records with headers, without a value or of other topics are
    left alone.
    """
    packs = _Packs()
    for record in records:
        if record.topic not in topics:
            packs.done.append(record)
            continue
        place = record.topic, partition_for(record)
        if record.headers or record.value is None:
            packs.end(place)
            packs.done.append(record)
        else:
            packs.add(place, record, len(record.value))
    return packs.end_all()


def _joined(place: Place, lines: Sequence[Outgoing]) -> Outgoing:
    topic, partition = place
    key = lines[0].key if len({line.key for line in lines}) == 1 else None
    if len(lines) == 1:
        return Outgoing(topic, key, lines[0].value, partition=partition)
    values = [line.value for line in lines if line.value is not None]
    return Outgoing(topic, key, b"\n".join(values), partition=partition)


class SqlitePublisher:
    """ports.Publisher on the embedded log; lines of a partition are packed into records.

    What could not be written stays queued and is tried again with the next call.
    """

    def __init__(self, url: str, *, prefix: str = "", clock: Clock = wall_ms) -> None:
        self._log = SqliteLog(path_of(url))
        self._prefix = prefix
        self._packable = frozenset(prefix + topic for topic in SOURCE_TOPICS)
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: list[Outgoing] = []
        self._bytes = 0
        self._ends: dict[Place, int] = {}

    def publish(self, records: Sequence[Outgoing]) -> None:
        """See ports.Publisher. When it raises, none of ``records`` is queued."""
        with self._lock:
            # Room first: a caller that tries again for hours must not fill the memory.
            if self._bytes >= _BUFFER_BYTES:
                self._write()
            self._waiting.extend(records)
            self._bytes += sum(len(record.value or b"") + 1 for record in records)

    def flush(self) -> Mapping[Place, int]:
        """See ports.Publisher."""
        with self._lock:
            self._write()
            return dict(self._ends)

    def _write(self) -> None:
        if not self._waiting:
            return
        named = self._waiting
        if self._prefix:
            named = [replace(record, topic=self._prefix + record.topic) for record in named]
        ends = self._log.append(packed(named, self._packable, self._log.partition_for), self._clock())
        # Only now: what could not be written stays.
        self._waiting, self._bytes = [], 0
        self._ends |= {
            (topic.removeprefix(self._prefix), number): end for (topic, number), end in ends.items()
        }

    def close(self) -> None:
        """See ports.Publisher."""
        with contextlib.closing(self._log):
            self.flush()
