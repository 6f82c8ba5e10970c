"""What both Faust consumers share: runs instead of records, and positions that are ours.

Faust's acks and commits are switched off: the worker writes the offsets together with the state they
belong to. Where to start comes from ``app.ownership``.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from faust import Event, Schema
from faust.exceptions import ConsumerNotStarted
from faust.types import TP, ConsumerMessage, Message

from resonanz_streams.errors import ResonanzError
from resonanz_streams.transports.ports import Record, Run

log = logging.getLogger(__name__)

RUN_BYTES: Final = 512 * 1024
"""Values of one run: about 2,800 short events, 10 ms of the event loop."""


class RunSchema(Schema):  # type: ignore[misc]  # Faust ships no types
    """Hands the run on as it is."""

    async def decode(self, app: Any, message: Any, *, propagate: bool = False) -> Any:
        """An event whose value is ``message.value``, a Run."""
        del propagate  # nothing can fail
        return Event(app, None, message.value, message.headers, message)

    def compile(self, app: Any, **handlers: Any) -> Any:
        """A decoder for the conductor; the handlers of decoding errors are never needed."""
        del handlers

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return await self.decode(app, message, propagate=propagate)

        return decode


def runs_of(topic: str, partition: int, position: int, records: Sequence[Record]) -> Iterator[Run]:
    """Consecutive records as runs of at most ``RUN_BYTES`` (a larger record is a run of its own). Records
    missing before the first were removed by retention."""
    values: list[bytes] = []
    offsets: list[int] = []
    size, first = 0, position
    if records and (lost := records[0].offset - position) > 0:
        first = records[0].offset
        yield Run(topic, partition, position, first, (), (), lost)
    for record in records:
        value = record.value or b""
        if values and size + len(value) > RUN_BYTES:
            yield Run(topic, partition, first, offsets[-1] + 1, values, offsets)
            first, values, offsets, size = offsets[-1] + 1, [], [], 0
        values.append(value)
        offsets.append(record.offset)
        size += len(value)
    if values:
        yield Run(topic, partition, first, offsets[-1] + 1, values, offsets)


def message_of(tp: TP, run: Run, generation_id: int) -> Message:
    """A Faust message that carries ``run``; its offset is that of the last record."""
    return ConsumerMessage(
        tp.topic,
        tp.partition,
        run.next_offset - 1,
        0.0,
        0,
        {},
        b"",
        run,
        None,
        None,
        None,
        tp,
        # Without it Faust's compiled stream drops the message without a word.
        generation_id=generation_id,
    )


class RunConsumer:
    """Mixed into a Faust consumer, before it; needs its ``assignment``, ``_seek`` and ``earliest_offsets``.

    The app must have ``ownership`` (ports.Ownership) and ``prefix``, the one of its topics' names.
    """

    app: Any
    _owning: asyncio.Lock | None = None

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Recover, then let Faust resume.

        Not left to ``seek_to_committed`` alone: Faust cancels that one silently after the request
        time-out and reads on from wherever it stands.
        """
        try:
            await self._positions(assigned)
        except Exception as error:  # noqa: BLE001  # drivers log it and go on: the worker must stop instead
            await self.app.crash(error)
            return
        consumer: Any = super()
        await consumer.on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let Faust empty its queues, then flush what has been counted."""
        consumer: Any = super()
        await consumer.on_partitions_revoked(revoked)
        await self._give_up(revoked)

    async def on_stop(self) -> None:
        """A last flush; what it could not write is read again after the next start. Then nothing is shown any
        more: others may own it as soon as this one leaves the group."""
        consumer: Any = self
        try:
            await self._give_up(consumer.assignment())
            await self._positions(set())
        except ConsumerNotStarted:
            pass
        except Exception as error:  # noqa: BLE001  # the driver's thread must not outlive the app
            log.warning("partitions were not given up in order (%s)", error)
        stopping: Any = super()
        await stopping.on_stop()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go to where the state ends; what has no position yet starts at its earliest record."""
        consumer: Any = self
        assignment = set(consumer.assignment())
        positions = await self._positions(assignment)
        places = {}
        for tp in assignment:
            offset = positions.get((tp.topic.removeprefix(self.app.prefix), tp.partition))
            if offset is None:
                offset = int((await consumer.earliest_offsets(tp)).get(tp) or 0)
            await consumer._seek(tp, offset)  # noqa: SLF001  # Faust's own extension point
            places[tp] = offset
        return places

    async def _positions(self, assigned: set[TP]) -> Mapping[tuple[str, int], int]:
        # Faust may seek while a rebalance runs: a partition must not be recovered twice at once.
        async with self._lock():
            return await self.app.ownership.assigned(  # type: ignore[no-any-return]
                frozenset(tp.partition for tp in assigned)
            )

    async def _give_up(self, revoked: set[TP]) -> None:
        if not revoked:
            return
        async with self._lock():
            try:
                await self.app.ownership.revoked(frozenset(tp.partition for tp in revoked))
            except ResonanzError as error:
                log.warning("the last flush failed (%s); it is read and counted again", error)

    def _lock(self) -> asyncio.Lock:
        if self._owning is None:
            self._owning = asyncio.Lock()
        return self._owning

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Nothing: offsets are written with the state."""
        del topics, start_new_transaction
        return False

    def ack(self, message: Any) -> bool:
        """Nothing to commit; but Faust waits for what is in hand when it stops with ``stream_wait_empty``."""
        message.acked = True
        consumer: Any = self
        consumer._unacked_messages.discard(message)  # noqa: SLF001  # as Faust's own ``ack`` does
        return True

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """A run's offset is its last record's: jumps are normal."""
