"""Ending aiokafka's consumers, which they do not always do themselves."""

import asyncio
from typing import Any, Final

_SECONDS: Final = 3.0


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
