"""A worker that kills itself while a flush is being written: ``python -m tests.faults.dying_worker``.

The real worker with a store around the real store: from flush number ``--flush`` on it sends itself
SIGKILL a few hundred microseconds after the write began, and only if the write has not ended by then.
It says so on standard output, so that a test can count.
"""

import argparse
import asyncio
import os
import random
import signal
import threading
from pathlib import Path

from resonanz_streams.registry import build_registry
from resonanz_streams.settings import load_settings
from resonanz_streams.transports.brokers import open_store
from resonanz_streams.transports.ports import Flush, Recovered, StateStore
from resonanz_streams.worker import Worker


class DyingStore:
    """Passes everything on; dies inside a flush."""

    def __init__(self, store: StateStore, first_deadly_flush: int, rng: random.Random) -> None:
        self._store = store
        self._left = first_deadly_flush
        self._rng = rng

    async def recover(self, partition: int) -> Recovered:
        return await self._store.recover(partition)

    async def release(self, partition: int) -> None:
        await self._store.release(partition)

    async def close(self) -> None:
        await self._store.close()

    async def flush(self, partition: int, flush: Flush) -> None:
        self._left -= 1
        if self._left > 0 or not flush.rows:
            await self._store.flush(partition, flush)
            return
        ended = threading.Event()
        threading.Thread(target=_die, args=(ended, self._rng.random() * 0.004), daemon=True).start()
        await self._store.flush(partition, flush)
        ended.set()


def _die(ended: threading.Event, seconds: float) -> None:
    if not ended.wait(seconds):
        os.write(1, b"died inside a flush\n")
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--flush", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    settings = load_settings(options.config, os.environ)

    async def run() -> None:
        store = open_store(settings.broker, prefix=settings.topic_prefix, group=settings.group)
        await Worker(
            settings,
            build_registry(settings),
            host="127.0.0.1",
            port=options.port,
            store=DyingStore(store, options.flush, random.Random(options.seed)),
        ).run()

    asyncio.run(run())


if __name__ == "__main__":
    main()
