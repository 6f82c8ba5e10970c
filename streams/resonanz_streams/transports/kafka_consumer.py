"""Ending aiokafka's consumers, which they do not always do themselves."""

import asyncio
from typing import Any


async def end(consumer: Any) -> None:
    """Stop ``consumer``, whatever state it and the broker are in.

    Its own ``stop`` lets a CancelledError out when a fetch is just being retried, as if the caller had been
    cancelled, and then leaves its connections open.
    """
    await asyncio.gather(consumer.stop(), return_exceptions=True)
    await consumer._client.close()  # noqa: SLF001  # does nothing if they are closed
