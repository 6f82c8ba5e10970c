"""How connectors write to Kafka; see ports.Publisher."""

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import AuthorizationError, KafkaError, KafkaTimeoutError, MessageSizeTooLargeError

from resonanz_streams.errors import ResonanzError, RetryError, StopError
from resonanz_streams.transports.brokers import open_admin
from resonanz_streams.transports.kafka_reach import forbidden
from resonanz_streams.transports.kafka_url import parse
from resonanz_streams.transports.ports import Outgoing

BUFFER_BYTES: Final = 16 * 2**20
LARGEST_BYTES: Final = 2 * 2**20
PATIENCE_SECONDS: Final = 10.0
_CONNECT_SECONDS: Final = 3.0
_BLOCK_MS: Final = 3_000
_FOR_EVER_MS: Final = 10**12
_RECORD_OVERHEAD: Final = 100

Place = tuple[str, int]


class KafkaPublisher:
    """ports.Publisher: idempotent, acks=all, lz4; records of a partition stay in order.

    It connects with the first record. What could not be written stays queued and is written when the
    broker is back, even if the caller publishes it again (readers count it once).
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "",
        buffer_bytes: int = BUFFER_BYTES,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._url = url
        self._target = parse(url)
        self._prefix = prefix
        self._buffer_bytes = buffer_bytes
        self._patience = patience_seconds
        self._lock = threading.Lock()
        self._producer: Any = None
        self._waiting: deque[tuple[Any, Outgoing]] = deque()
        self._bytes = 0
        self._queued = self._settled = 0
        self._failed: list[tuple[Exception, Outgoing]] = []
        self._ends: dict[Place, int] = {}
        self._away = False

    def publish(self, records: Sequence[Outgoing]) -> None:
        """See ports.Publisher. When it raises, the first of ``records`` may be queued, the others not.

        Raises:
            RetryError: the broker is away.
            StopError: a topic does not exist, a record is too large, or Kafka does not let us.
        """
        with self._lock:
            for record in records:
                self._send(record)

    def _send(self, record: Outgoing) -> None:
        producer = self._connected()
        if self._bytes + _size(record) > self._buffer_bytes:
            self._make_room(_size(record))
        with self._explained(record):
            future = producer.send(
                self._prefix + record.topic,
                record.value,
                record.key,
                list(record.headers),
                record.partition,
            )
        self._waiting.append((future, record))
        self._bytes += _size(record)
        self._queued += 1

    def _connected(self) -> Any:
        if self._producer is None:
            self._knock()
            try:
                self._producer = KafkaProducer(
                    **self._target.client_settings(),
                    client_id="resonanz",
                    acks="all",
                    enable_idempotence=True,
                    compression_type="lz4",
                    linger_ms=5,
                    batch_size=256 * 1024,
                    max_request_size=LARGEST_BYTES,
                    allow_auto_create_topics=False,
                    # Nothing expires: an outage must not lose or reorder what is queued.
                    delivery_timeout_ms=_FOR_EVER_MS,
                    request_timeout_ms=10_000,
                    max_block_ms=_BLOCK_MS,
                    bootstrap_timeout_ms=_BLOCK_MS,
                    reconnect_backoff_max_ms=1_000,
                    metrics_enabled=False,
                )
            except KafkaError:
                raise self._target.away() from None
        return self._producer

    def _knock(self) -> None:
        # kafka-python needs long to see that it is not let in, says no reason, and leaves its sockets open.
        for server in self._target.servers:
            host, _, port = server.rpartition(":")
            with contextlib.suppress(OSError):
                socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
                break
        else:
            raise self._target.away()
        open_admin(self._url, prefix=self._prefix).close()

    def _make_room(self, size: int) -> None:
        self._harvest()
        while self._waiting and self._bytes + size > self._buffer_bytes:
            try:
                self._waiting[0][0].get(self._patience)
            except KafkaTimeoutError:
                raise self._target.away() from None
            except KafkaError:
                pass  # the harvest keeps it for the next flush
            self._harvest()

    def _harvest(self) -> None:
        """Take note of what is written, and of what never will be."""
        while self._waiting and self._waiting[0][0].is_done:
            future, record = self._waiting.popleft()
            self._bytes -= _size(record)
            self._settled += 1
            if future.failed():
                self._failed.append((future.exception, record))
            else:
                topic, partition, _, offset = future.value[:4]
                self._ends[topic.removeprefix(self._prefix), partition] = offset + 1

    def flush(self) -> Mapping[Place, int]:
        """See ports.Publisher."""
        with self._lock:
            producer, queued = self._producer, self._queued
        if producer is not None:
            # Without the lock: others may go on publishing.
            with contextlib.suppress(KafkaTimeoutError):
                producer.flush(self._patience)
        with self._lock:
            self._harvest()
            if self._failed:
                self._send_again()
            self._away = self._settled < queued
            if self._away:
                raise self._target.away()
            return dict(self._ends)

    def _send_again(self) -> None:
        failure = self._failed[0][0]
        while self._failed:
            self._send(self._failed[0][1])
            self._failed.pop(0)
        # Another thread's flush may have seen this one fail: nobody is told that all is well.
        with self._explained(None):
            raise failure

    @contextlib.contextmanager
    def _explained(self, record: Outgoing | None) -> Iterator[None]:
        try:
            yield
        except MessageSizeTooLargeError:
            raise StopError(
                f"a record is larger than Kafka takes ({LARGEST_BYTES} bytes); publish smaller ones"
            ) from None
        except AuthorizationError as error:
            raise forbidden(self._target, error) from None
        except (KafkaTimeoutError, ValueError):
            raise self._refused(record) from None
        except KafkaError as error:
            raise RetryError(f"Kafka at {self._target} failed: {error}; publish again") from None

    def _refused(self, record: Outgoing | None) -> Exception:
        """Why a topic's metadata could not be had, or a partition is not among its own."""
        if record is None:
            return self._target.away()
        try:
            admin = open_admin(self._url, prefix=self._prefix)
        except ResonanzError as error:
            return error
        ends = admin.end_offsets(record.topic)
        admin.close()
        name = self._prefix + record.topic
        if not ends:
            return StopError(self._target.lacks(name))
        if record.partition is not None and record.partition not in ends:
            return StopError(
                f"topic {name} has {len(ends)} partitions, no number {record.partition}; "
                f"write partitions: {len(ends)}"
            )
        return self._target.away()

    def close(self) -> None:
        """See ports.Publisher. It releases even if the broker is away, and does not wait for one that did
        not answer the last flush: whoever called that knows."""
        try:
            if not self._away:
                self.flush()
        finally:
            with self._lock:
                producer, self._producer = self._producer, None
            if producer is not None:
                if self._waiting:
                    # Its own ``close`` would wait for the broker, fail, and leave its thread running.
                    producer._sender.force_close()  # noqa: SLF001
                    producer._sender.join(_CONNECT_SECONDS)  # noqa: SLF001
                producer.close(_CONNECT_SECONDS)
            self._waiting.clear()
            self._failed.clear()
            self._settled = self._queued


def _size(record: Outgoing) -> int:
    return len(record.value or b"") + len(record.key or b"") + _RECORD_OVERHEAD
