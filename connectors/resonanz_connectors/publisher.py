"""How connectors write: to the embedded log here, to Kafka in :mod:`resonanz_connectors.kafka_publisher`."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from resonanz_streams.clock import Clock, wall_ms
from resonanz_streams.topics import SOURCE_TOPICS, partition_of
from resonanz_streams.transports.brokers import scheme_of
from resonanz_streams.transports.ports import Outgoing, Publisher
from resonanz_streams.transports.sqlite_log import SqliteLog, path_of

PACKED_BYTES: Final = 256 * 1024
_BUFFER_BYTES: Final = 4 * 2**20


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


def packed(records: Sequence[Outgoing], partitions: Mapping[str, int]) -> list[Outgoing]:
    """The same lines in fewer records: those of one source topic and partition share records.

    The order within a partition stays. Records with headers and of other topics are left alone.
    """
    done: list[Outgoing] = []
    open_packs: dict[tuple[str, int], list[Outgoing]] = {}
    sizes: dict[tuple[str, int], int] = {}
    for record in records:
        if record.topic not in SOURCE_TOPICS or record.headers or record.key is None or record.value is None:
            done.append(record)
            continue
        partition = record.partition
        if partition is None:
            partition = partition_of(record.key.decode(), partitions[record.topic])
        place = record.topic, partition
        if sizes.get(place, 0) + len(record.value) > PACKED_BYTES:
            done.append(_pack(place, open_packs.pop(place)))
            sizes[place] = 0
        open_packs.setdefault(place, []).append(record)
        sizes[place] = sizes.get(place, 0) + len(record.value) + 1
    done.extend(_pack(place, pack) for place, pack in open_packs.items())
    return done


def _pack(place: tuple[str, int], records: Sequence[Outgoing]) -> Outgoing:
    keys = {record.key for record in records}
    return Outgoing(
        place[0],
        records[0].key if len(keys) == 1 else None,
        b"\n".join(record.value for record in records if record.value is not None),
        partition=place[1],
    )


class SqlitePublisher:
    """ports.Publisher on the embedded log; lines of a partition are packed into records."""

    def __init__(self, url: str, *, prefix: str = "", clock: Clock = wall_ms) -> None:
        self._log = SqliteLog(path_of(url))
        self._prefix = prefix
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: list[Outgoing] = []
        self._bytes = 0
        self._ends: dict[tuple[str, int], int] = {}

    def publish(self, records: Sequence[Outgoing]) -> None:
        """See ports.Publisher."""
        with self._lock:
            self._waiting.extend(records)
            self._bytes += sum(len(record.value or b"") for record in records)
            if self._bytes > _BUFFER_BYTES:
                self._write()

    def flush(self) -> Mapping[tuple[str, int], int]:
        """See ports.Publisher."""
        with self._lock:
            self._write()
            return dict(self._ends)

    def _write(self) -> None:
        if not self._waiting:
            return
        partitions = {
            topic: max(1, len(self._log.partitions(self._prefix + topic)))
            for topic in {record.topic for record in self._waiting}
        }
        records = [
            replace(record, topic=self._prefix + record.topic) for record in packed(self._waiting, partitions)
        ]
        ends = self._log.append(records, self._clock())
        # Only now: what could not be written stays, and the next call tries it again.
        self._waiting, self._bytes = [], 0
        self._ends |= {
            (topic.removeprefix(self._prefix), number): end for (topic, number), end in ends.items()
        }

    def close(self) -> None:
        """See ports.Publisher."""
        self.flush()
        self._log.close()
