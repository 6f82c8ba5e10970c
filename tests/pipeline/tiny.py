"""A tiny Faust app: it writes down what its agent is handed, and can end and come back.

``python -m tests.pipeline.tiny URL PREFIX REPORT`` runs one until SIGTERM, then writes what it saw to REPORT.
"""

import asyncio
import json
import math
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import faust

from resonanz_streams.topics import COUNTED_TOPICS
from resonanz_streams.transports.brokers import faust_broker
from resonanz_streams.transports.ports import Run
from resonanz_streams.transports.runs import RunSchema


class Book:
    """A fake ports.Ownership that is the agent's notebook too. ``durable`` is what a revocation flushed;
    a book made with it goes on there."""

    def __init__(self, durable: Mapping[tuple[str, int], int] | None = None) -> None:
        self.durable = dict(durable or {})
        self.owned: set[int] = set()
        self.calls: list[str] = []
        self.runs: list[Run] = []
        self.lines: list[bytes] = []
        self.next: dict[tuple[str, int], int] = {}
        self.gaps: list[Run] = []
        self.before_assigned: Callable[[], Awaitable[None]] | None = None
        self.refusal: BaseException | None = None
        self.ours_from, self.ours_until = -math.inf, math.inf

    async def assigned(self, partitions: frozenset[int]) -> Mapping[tuple[str, int], int]:
        if self.before_assigned is not None:
            await self.before_assigned()
        if self.refusal is not None:
            raise self.refusal
        fresh = partitions - self.owned
        self.owned = set(partitions)
        if fresh:
            self.calls.append(f"assigned {sorted(fresh)}")
            self.next |= {place: at for place, at in self.durable.items() if place[1] in fresh}
        return dict(self.next)

    async def revoked(self, partitions: frozenset[int]) -> None:
        self.calls.append(f"revoked {sorted(partitions)}")
        self.durable |= {place: at for place, at in self.next.items() if place[1] in partitions}

    def take(self, run: Run) -> None:
        place = run.topic, run.partition
        if run.first_offset != self.next.get(place, run.first_offset):
            self.gaps.append(run)
        self.next[place] = run.next_offset
        self.runs.append(run)
        self.lines.extend(line for value in run.values for line in value.split(b"\n"))


def tiny_app(url: str, book: Book, *, prefix: str = "", **settings: Any) -> Any:
    app: Any = faust.App(
        f"tiny{prefix}",
        broker=faust_broker(url),
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        worker_redirect_stdouts=False,
        datadir=tempfile.gettempdir(),  # Faust makes folders there, whether it needs them or not
        stream_buffer_maxsize=16,
        **settings,
    )
    app.ownership, app.prefix = book, prefix
    topic = app.topic(*(prefix + name for name in COUNTED_TOPICS), schema=RunSchema())

    async def note(runs: AsyncIterator[Run]) -> None:
        async for run in runs:
            book.take(run)

    app.agent(topic, name="note")(note)
    return app


async def _until_terminated(url: str, prefix: str) -> str:
    book, ended = Book(), asyncio.Event()
    app = tiny_app(url, book, prefix=prefix)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await app.start()
    print("reading", flush=True)
    await ended.wait()
    await app.stop()
    return json.dumps({"calls": book.calls, "lines": len(book.lines)})


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(asyncio.run(_until_terminated(sys.argv[1], sys.argv[2])))
