"""What aiokafka's consumers leave to us: their end, and a record as ours."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from resonanz_streams.transports.ports import Record

_SECONDS: Final = 3.0


def record_of(topic: str, found: Any) -> Record:
    """What was consumed. A header may be null there; to us it is empty."""
    headers = tuple((name, value or b"") for name, value in found.headers)
    return Record(topic, found.partition, found.offset, found.key, found.value, headers)


async def end(consumer: Any) -> None:
    """Stop ``consumer``, whatever state it and the broker are in.

    Its own ``stop`` waits for a broker that is away; and it lets a CancelledError out when a fetch is just
    being retried, as if the caller had been cancelled, and then leaves its connections open.
    """
    stopping = asyncio.ensure_future(consumer.stop())
    await asyncio.wait({stopping}, timeout=_SECONDS)
    tasks = {stopping}
    if not stopping.done():
        coordinator, fetcher = consumer._coordinator, consumer._fetcher  # noqa: SLF001
        parts = (
            (coordinator, "_coordination_task"),
            (coordinator, "_heartbeat_task"),
            (fetcher, "_fetch_task"),
        )
        tasks |= {task for owner, name in parts if (task := getattr(owner, name, None)) is not None}
        for task in tasks:
            task.cancel()
    ended, _ = await asyncio.wait(tasks, timeout=_SECONDS)
    for task in ended:
        if not task.cancelled():
            task.exception()  # else asyncio reports it as never looked at
    await consumer._client.close()  # noqa: SLF001  # does nothing if they are closed


def take_rows(rows: dict[bytes, bytes], marker: bytes, records: Iterable[Any]) -> None:
    """Bring one group's rows of the state up to these records; those of other groups have other markers."""
    for record in records:
        if not (record.key and record.key.startswith(marker)):
            continue
        key = record.key[len(marker) :]
        if record.value is None:
            rows.pop(key, None)
        else:
            rows[key] = record.value
