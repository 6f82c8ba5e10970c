"""The peer, an ordinary Faust app: ``python -m tests.bench.plain_faust URL GROUP EVENTS``.

One event at a time it decodes JSON and counts per account and kind over 10 s, in a dictionary: no ledger, no
removals, no longer windows, no state that outlives it, nothing exported.
"""

import asyncio
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import faust

from resonanz_streams.topics import INTERACTION_TOPICS
from tests.bench.children import tell
from tests.bench.figures import Round


async def count(url: str, group: str, events: int) -> None:
    """Count until ``events`` have been seen; the time runs from the first."""
    app: Any = faust.App(
        group,
        broker=url.replace("kafka://", "aiokafka://"),  # Faust's own driver, not ours
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        autodiscover=False,
        worker_redirect_stdouts=False,
        datadir=tempfile.gettempdir(),  # Faust makes folders there, whether it needs them or not
    )
    logging.getLogger("faust").setLevel(logging.ERROR)
    topic = app.topic(*INTERACTION_TOPICS, value_serializer="json")
    counts: Counter[tuple[str, str, int]] = Counter()
    ended = asyncio.Event()

    async def counting(stream: AsyncIterator[dict[str, Any]]) -> None:
        seen, begun = 0, (0.0, 0.0)
        async for event in stream:
            if not seen:
                begun = time.perf_counter(), time.process_time()
            seen += 1
            counts[event["account"], event["kind"], event["at_ms"] // 10_000] += 1
            if seen == events:
                seconds, cpu_seconds = time.perf_counter() - begun[0], time.process_time() - begun[1]
                tell("round", round=Round(events, seconds, cpu_seconds))
                ended.set()

    app.agent(topic, name="counting")(counting)
    await app.start()
    await ended.wait()
    await app.stop()


if __name__ == "__main__":
    asyncio.run(count(sys.argv[1], sys.argv[2], int(sys.argv[3])))
