"""Publishes to Kafka at a steady rate: ``python -m tests.bench.steady URL ACCOUNTS RATE SECONDS``.

Ten times a second it also publishes a like of the account PROBE, and tells when: marker n is the n-th.
"""

import asyncio
import sys
import time
from typing import Final

from resonanz_streams.clock import wall_ms
from resonanz_streams.topics import partition_of
from tests.bench.load import PARTITIONS, make_load
from tests.bench.logs import Packer
from tests.bench.telling import tell

PROBE: Final = "file:probe"
BEAT_SECONDS: Final = 0.1


async def publish(url: str, accounts: int, rate: int, seconds: int) -> None:
    """Until ``seconds`` are over; each event's time is that of its publishing."""
    beats, events = int(seconds / BEAT_SECONDS), int(rate * BEAT_SECONDS)
    place, key = ("likes", partition_of(PROBE, PARTITIONS)), PROBE.encode()
    late = 0.0
    async with Packer(url) as packer:
        started = time.monotonic()
        for beat in range(beats):
            await asyncio.sleep(max(0.0, started + beat * BEAT_SECONDS - time.monotonic()))
            late = max(late, time.monotonic() - started - beat * BEAT_SECONDS)
            now_ms = wall_ms()
            load = make_load(
                events, accounts=accounts, end_ms=now_ms, span_ms=100, seed=beat, first_id=beat * events
            )
            for one in load.places():
                await packer.add(*one)
            published = time.monotonic()
            line = (
                f'{{"v":1,"id":"m{beat}","source":"file","kind":"like","account":"{PROBE}",'
                f'"actor":"{beat:032x}","object":"p","at_ms":{wall_ms()}}}'
            )
            await packer.add(place, key, line.encode(), wall_ms())
            await packer.flush()
            tell("marker", at_seconds=published)
    tell("published", events=beats * events, seconds=time.monotonic() - started, late_seconds=late)


if __name__ == "__main__":
    asyncio.run(publish(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
