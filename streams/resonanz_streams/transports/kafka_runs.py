"""From what aiokafka has fetched to runs, with little work a record."""

from collections.abc import Iterator
from typing import Any

from resonanz_streams.errors import RECOUNT, StopError
from resonanz_streams.transports.ports import Run
from resonanz_streams.transports.runs import RUN_BYTES


def take(fetched: Any, topic: str, position: int) -> Iterator[Run]:
    """The next run of a partition, with what stands before it; what does not fit stays in ``fetched``.

    ``fetched`` is aiokafka's ``FetchResult``; ``position`` is where the last run ended. A gap becomes
    an empty run: what transaction markers, aborted records or compaction leave, and, ``lost``, what retention
    removed before it could be read.

    Raises:
        StopError: the log begins anew before ``position``.
    """
    place = fetched._topic_partition  # noqa: SLF001  # aiokafka has no public way to its batches
    if not fetched.check_assignment(place) or not fetched.has_more():
        return
    records = fetched._partition_records  # noqa: SLF001
    start = records.next_fetch_offset
    if start < position:
        raise StopError(
            f"topic {place.topic}, partition {place.partition}, begins anew at {start}, but its records up "
            f"to {position} have been counted: it was deleted or cut off; {RECOUNT}"
        )
    values, offsets, split, exhausted = _read(records)
    end = records.next_fetch_offset
    fetched._update_position()  # noqa: SLF001
    if exhausted:
        fetched._partition_records = None  # noqa: SLF001  # as its own ``getall`` says it
    if start > position:
        yield Run(topic, place.partition, position, start, (), (), lost=start - position)
        position = start
    if (skipped := offsets[0] if offsets else end) > position:
        yield Run(topic, place.partition, position, skipped, (), ())
        position = skipped
    if 0 < split < len(values):
        yield Run(topic, place.partition, position, offsets[split], values[:split], offsets[:split])
        position, values, offsets = offsets[split], values[split:], offsets[split:]
    if values:
        yield Run(topic, place.partition, position, end, values, offsets)


def _read(records: Any) -> tuple[list[bytes], list[int], int, bool]:
    """Values, their offsets, where a run must be split in two lest it grow too large, and whether that was
    all."""
    # Else aiokafka would make an object of eleven fields for each.
    records._consumer_record = _as_it_is  # noqa: SLF001
    values: list[bytes] = []
    offsets: list[int] = []
    size = largest = 0
    for record in records:
        value = record.value or b""
        values.append(value)
        offsets.append(record.offset)
        size += len(value)
        if len(value) > largest:
            largest = len(value)
            if size > RUN_BYTES:
                return values, offsets, len(values) - 1, False
        # Whatever comes next, unless it is the largest so far, fits.
        if size + largest > RUN_BYTES:
            return values, offsets, len(values), False
    return values, offsets, len(values), True


def _as_it_is(_place: Any, record: Any) -> Any:
    return record
