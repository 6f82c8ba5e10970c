"""A worker that kills itself at a bad moment: ``python -m tests.faults.dying_worker``.

The real worker with a store around the real store: in call number ``--call`` of the kind ``--during`` it
sends itself SIGKILL, a random few milliseconds after the call began, or as it ends if that is sooner. It
says so on standard output, so that a test can count.
"""

import argparse
import contextlib
import os
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from resonanz_streams.registry import build_registry
from resonanz_streams.settings import load_settings
from resonanz_streams.transports.brokers import open_store
from resonanz_streams.transports.ports import Flush, Recovered, StateStore
from resonanz_streams.worker import run_worker

LONGEST_SECONDS = {"flush": 0.004, "recovery": 0.1, "release": 0.01}


class DyingStore:
    """Passes everything on; dies inside a call."""

    def __init__(self, store: StateStore, during: str, call: int, rng: random.Random) -> None:
        self._store = store
        self._during = during
        self._left = call
        self._seconds = rng.random() * LONGEST_SECONDS[during]

    async def recover(self, partition: int) -> Recovered:
        with self._deadly("recovery"):
            return await self._store.recover(partition)

    async def release(self, partition: int) -> None:
        with self._deadly("release"):
            await self._store.release(partition)

    async def close(self) -> None:
        await self._store.close()

    async def flush(self, partition: int, flush: Flush) -> None:
        # One without rows changes no state.
        with self._deadly("flush" if flush.rows else ""):
            await self._store.flush(partition, flush)

    @contextlib.contextmanager
    def _deadly(self, during: str) -> Iterator[None]:
        self._left -= during == self._during
        if during != self._during or self._left:
            yield
            return
        death = threading.Timer(self._seconds, _die, (f"died inside a {during}\n",))
        death.start()
        yield
        _die(f"died at the end of a {during}\n")


def _die(last_words: str) -> None:
    os.write(1, last_words.encode())
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--during", choices=sorted(LONGEST_SECONDS), required=True)
    parser.add_argument("--call", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    settings = load_settings(options.config, os.environ)
    store: StateStore = DyingStore(
        open_store(settings.broker, prefix=settings.topic_prefix, group=settings.group),
        options.during,
        options.call,
        random.Random(options.seed),
    )
    run_worker(settings, build_registry(settings), host="127.0.0.1", port=options.port, store=store)


if __name__ == "__main__":
    main()
