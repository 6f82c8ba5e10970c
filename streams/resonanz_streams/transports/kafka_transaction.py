"""One transactional producer of aiokafka, made so that it can be given up at any moment.

Two things of aiokafka need care. A batch that the broker refuses does not stop its commit: what was sent
must be awaited before. And its ``stop`` waits for a broker that is away, for ever.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    NodeNotReadyError,
    ProducerFenced,
    RequestTimedOutError,
    UnknownTopicOrPartitionError,
)
from aiokafka.producer.sender import Sender

from resonanz_streams.errors import FencedError, RetryError, StopError
from resonanz_streams.transports.kafka_reach import forbidden, is_forbidden
from resonanz_streams.transports.kafka_url import KafkaTarget
from resonanz_streams.transports.ports import Headers

FENCE_SECONDS: Final = 20.0
WRITE_SECONDS: Final = 15.0
TRANSACTION_TIMEOUT_MS: Final = 20_000
"""After this the broker ends a dead worker's transaction, and its topics can be read on."""

BATCH_BYTES: Final = 2**20
_FENCED: Final = (ProducerFenced, InvalidProducerEpoch)

_AWAY: Final = (
    TimeoutError,
    KafkaConnectionError,
    NodeNotReadyError,
    RequestTimedOutError,
    UnknownTopicOrPartitionError,
)
"""The last one after ten seconds without an answer; a topic that is missing is made at the next start."""

Place = tuple[str, int]
Row = tuple[bytes | None, bytes | None, Headers]


class _Sender(Sender):  # type: ignore[misc]  # aiokafka ships no types
    """Knows its tasks, so that they can be ended."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._running: set[asyncio.Task[Any]] = set()

    def _maybe_do_transactional_request(self) -> asyncio.Task[Any] | None:
        task: asyncio.Task[Any] | None = super()._maybe_do_transactional_request()
        if task is not None:
            self._note(task)
        return task

    async def _send_produce_req(self, node_id: int, batches: Any) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._note(task)
        await super()._send_produce_req(node_id, batches)

    def _note(self, task: asyncio.Task[Any]) -> None:
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def abandon(self) -> None:
        """End every task, whatever it waits for."""
        tasks = set(self._running)
        if self._sender_task is not None:
            tasks.add(self._sender_task)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Producer(AIOKafkaProducer):  # type: ignore[misc]  # aiokafka ships no types
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._sender = _Sender(
            self.client,
            acks=-1,
            txn_manager=self._txn_manager,
            retry_backoff_ms=settings["retry_backoff_ms"],
            message_accumulator=self._message_accumulator,
            request_timeout_ms=settings["request_timeout_ms"],
        )

    async def abandon(self) -> None:
        """Release everything now; an open transaction is ended by the broker or the next owner."""
        self._closed = True
        await self._sender.abandon()
        for future in self._futures():
            # Nobody awaits them any more, and asyncio would report their exceptions as never looked at.
            if not future.cancel() and not future.cancelled():
                future.exception()
        await self.client.close()

    def _futures(self) -> Iterator[asyncio.Future[Any]]:
        manager, accumulator = self._txn_manager, self._message_accumulator
        yield from (future for *_, future in manager._pending_txn_offsets)  # noqa: SLF001
        if manager._transaction_waiter is not None:  # noqa: SLF001
            yield manager._transaction_waiter  # noqa: SLF001
        waiting = [batch for batches in accumulator._batches.values() for batch in batches]  # noqa: SLF001
        # One that is to be sent again has left the pending ones, where aiokafka's callback takes it out.
        accumulator._pending_batches.update(waiting)  # noqa: SLF001
        for batch in tuple(accumulator._pending_batches):  # noqa: SLF001
            yield batch.future
            yield batch._drain_waiter  # noqa: SLF001


class TransactionalWriter:
    """Writes for one partition; only the newest writer of a ``transactional_id`` can."""

    def __init__(self, target: KafkaTarget, transactional_id: str) -> None:
        self._target = target
        self._id = transactional_id
        self._producer = _Producer(
            **target.client_settings(),
            client_id="resonanz",
            transactional_id=transactional_id,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            compression_type=None,  # lz4 costs four times what writing does
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=10_000,
            retry_backoff_ms=10,
        )

    async def fence(self) -> None:
        """Shut out every earlier writer; what one of them had not committed is gone.

        Raises:
            RetryError: the broker is away.
            StopError: it does not let us.
        """
        with self._explained():
            async with asyncio.timeout(FENCE_SECONDS):
                await self._producer.start()

    async def partitions_for(self, topic: str) -> int:
        """How many partitions a topic has."""
        with self._explained():
            async with asyncio.timeout(WRITE_SECONDS):
                return len(await self._producer.partitions_for(topic))

    async def write(
        self, batches: Mapping[Place, Sequence[Row]], offsets: Mapping[TopicPartition, int], group: str
    ) -> None:
        """All of it in one transaction; durable when this returns.

        Raises:
            FencedError: there is a newer writer; nothing was written.
            RetryError: it is not known whether it was written. This writer is of no use any more.
            StopError: the broker refuses it.
        """
        with self._explained():
            async with asyncio.timeout(WRITE_SECONDS):
                await self._producer.begin_transaction()
                await asyncio.gather(*(self._send(*place, rows) for place, rows in batches.items()))
                if offsets:
                    await self._producer.send_offsets_to_transaction(dict(offsets), group)
                await self._producer.commit_transaction()

    async def _send(self, topic: str, partition: int, rows: Sequence[Row]) -> None:
        for batch in self._batches(rows):
            await (await self._producer.send_batch(batch, topic, partition=partition))

    def _batches(self, rows: Sequence[Row]) -> Iterator[Any]:
        batch = self._producer.create_batch()
        for key, value, headers in rows:
            row = {"timestamp": None, "key": key, "value": value, "headers": list(headers)}
            if batch.append(**row) is None:
                yield batch
                batch = self._producer.create_batch()
                batch.append(**row)  # the first row of a batch always fits
        if batch.record_count():
            batch.close()
            yield batch

    async def abandon(self) -> None:
        """Release everything, without waiting for the broker."""
        await self._producer.abandon()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except _FENCED:
            raise FencedError(
                f"another worker has taken over {self._id}; what was not written belongs to it"
            ) from None
        except MessageSizeTooLargeError:
            raise StopError(
                f"{self._id}: a record is larger than its topic takes; "
                "what is wrong with its settings says: resonanz topics"
            ) from None
        except _AWAY:
            raise self._target.away() from None
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
            # Not we are to end: what we waited for was given up, by a rebalance meanwhile.
            raise RetryError(f"{self._id} was given up while it was in use") from None
        except KafkaError as error:
            if is_forbidden(error):
                raise forbidden(self._target, error) from None
            raise RetryError(f"Kafka at {self._target} failed: {error}") from None
