"""A worker whose store fails, or whose counting does: ``python -m tests.faults.failing_worker``.

``--failures N``: N flushes fail, every third one, in turn before they are written and after, when nobody
can know; of the others every fourth is half a second late. ``--poisoned``: counting fails on the records
of :mod:`tests.poisoned`.
"""

import argparse
import asyncio
import os
from pathlib import Path

from resonanz_streams.errors import RetryError
from resonanz_streams.measures import Measures
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import load_settings
from resonanz_streams.transports.brokers import open_store
from resonanz_streams.transports.ports import Flush, Recovered, StateStore
from resonanz_streams.worker import run_worker
from tests.poisoned import PoisonedMeasures

LATE_SECONDS = 0.5


class FailingStore:
    """Passes everything on but for the flushes that fail."""

    def __init__(self, store: StateStore, failures: int) -> None:
        self._store = store
        self._left = failures
        self._flushes = 0

    async def recover(self, partition: int) -> Recovered:
        return await self._store.recover(partition)

    async def release(self, partition: int) -> None:
        await self._store.release(partition)

    async def close(self) -> None:
        await self._store.close()

    async def flush(self, partition: int, flush: Flush) -> None:
        self._flushes += bool(flush.rows)
        fails = bool(flush.rows) and self._left > 0 and self._flushes % 3 == 0
        if self._flushes % 4 == 1:
            await asyncio.sleep(LATE_SECONDS)
        if not fails:
            await self._store.flush(partition, flush)
            return
        self._left -= 1
        written = self._left % 2 == 0
        if written:
            await self._store.flush(partition, flush)
        raise RetryError(f"a failure of the test's, {'after' if written else 'before'} the write")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--failures", type=int, default=0)
    parser.add_argument("--poisoned", action="store_true")
    options = parser.parse_args()
    settings = load_settings(options.config, os.environ)
    store = open_store(settings.broker, prefix=settings.topic_prefix, group=settings.group)
    run_worker(
        settings,
        build_registry(settings),
        host="127.0.0.1",
        port=options.port,
        store=FailingStore(store, options.failures),
        measures=PoisonedMeasures if options.poisoned else Measures,
    )


if __name__ == "__main__":
    main()
