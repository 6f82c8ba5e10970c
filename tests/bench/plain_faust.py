"""The peer, an ordinary Faust app: ``python -m tests.bench.plain_faust SERVERS GROUP EVENTS RECORDS TOPIC…``.

One event at a time it decodes JSON and counts per account and kind over 10 s, in a dictionary: no ledger, no
removals, no longer windows, no state that outlives it, nothing exported.
"""

import asyncio
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import faust

from tests.bench.telling import Watch


async def count(servers: str, group: str, events: int, topics: Sequence[str]) -> None:
    """Count until ``events`` have been seen; the time runs from the first."""
    app: Any = faust.App(
        group,
        broker=f"aiokafka://{servers}",  # Faust's own driver, not ours
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        autodiscover=False,
        worker_redirect_stdouts=False,
        datadir=tempfile.gettempdir(),  # Faust makes folders there, whether it needs them or not
    )
    logging.getLogger("faust").setLevel(logging.ERROR)
    topic = app.topic(*topics, value_serializer="json")
    counts: Counter[tuple[str, str, int]] = Counter()
    ended = asyncio.Event()

    async def counting(stream: AsyncIterator[dict[str, Any]]) -> None:
        watch, seen = Watch(), 0
        async for event in stream:
            watch.start()
            seen += 1
            counts[event["account"], event["kind"], event["at_ms"] // 10_000] += 1
            if seen == events:
                watch.stop(events, counts.total())
                ended.set()

    app.agent(topic, name="counting")(counting)
    await app.start()
    await ended.wait()
    await app.stop()


if __name__ == "__main__":
    asyncio.run(count(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[5:]))
