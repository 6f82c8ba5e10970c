"""What both Faust consumers share: runs instead of records, and positions that are ours.

Faust's acks and commits are switched off: the worker writes the offsets together with the state they
belong to. Where to start comes from ``app.ownership``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from faust import Event, Schema
from faust.types import TP, ConsumerMessage, Message

from resonanz_streams.transports.ports import Record, Run

RUN_BYTES: Final = 512 * 1024
"""Values of one run: about 2,800 short events, 10 ms of the event loop."""


class RunSchema(Schema):  # type: ignore[misc]  # Faust ships no types
    """Hands the run on as it is."""

    async def decode(self, app: Any, message: Any, *, propagate: bool = False) -> Any:
        """An event whose value is ``message.value``, a Run."""
        return Event(app, None, message.value, message.headers, message)

    def compile(self, app: Any, *, on_key_decode_error: Any = None, on_value_decode_error: Any = None, **_: Any) -> Any:
        """A decoder for the conductor."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return await self.decode(app, message, propagate=propagate)

        return decode


def runs_of(topic: str, partition: int, position: int, records: Sequence[Record]) -> Iterator[Run]:
    """Consecutive records as runs of at most ``RUN_BYTES`` (a larger record is a run of its own)."""
    values: list[bytes] = []
    offsets: list[int] = []
    size, first = 0, position
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
        generation_id,
    )


class RunConsumer:
    """Mixed into a Faust consumer. Needs ``assignment`` and ``_seek`` from it."""

    app: Any

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Recover what is owned and go to where its state ends; partitions without a position keep theirs."""
        consumer: Any = self
        assignment = set(consumer.assignment())
        prefix = self.app.prefix
        positions = await self.app.ownership.assigned(frozenset(tp.partition for tp in assignment))
        places = {}
        for tp in assignment:
            offset = positions.get((tp.topic.removeprefix(prefix), tp.partition))
            if offset is None:
                offset = await self._earliest(tp)
            await consumer._seek(tp, offset)  # noqa: SLF001  # Faust's own extension point
            places[tp] = offset
        return places

    async def _earliest(self, tp: TP) -> int:
        consumer: Any = self
        found = await consumer.earliest_offsets(tp)
        return int(found.get(tp) or 0)

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Nothing: offsets are written with the state."""
        del topics, start_new_transaction
        return False

    def ack(self, message: Any) -> bool:
        """Nothing to remember: the engine knows what it holds."""
        message.acked = True
        return True

    def track_message(self, message: Any) -> None:
        """Nothing waits for acks."""

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """A run's offset is its last record's: jumps are normal."""
