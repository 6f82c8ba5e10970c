"""The real worker, and what it costs: ``python -m tests.bench.timed_worker``.

The store around the real store tells when the state has been recovered and when the last record is part
of it, durably. At SIGUSR1 the process tells the longest stalls of its event loop since the last time; it
looks for them from the first time on, since looking costs something too. At SIGUSR2 it tells how many records
of its partitions are durable, and the CPU time it took so far.
"""

import argparse
import asyncio
import os
import signal
import time
from pathlib import Path

from resonanz_streams.registry import build_registry
from resonanz_streams.settings import load_settings
from resonanz_streams.transports.brokers import open_store
from resonanz_streams.transports.ports import Flush, Recovered, StateStore
from resonanz_streams.worker import run_worker
from tests.bench.telling import tell

BEAT_SECONDS = 0.001


class TimedStore:
    """Passes everything on; the time runs from the end of recovery until all ``records`` are durable."""

    def __init__(self, store: StateStore, records: int) -> None:
        self._store = store
        self._records = records
        self._ends: dict[tuple[str, int], int] = {}
        self._begun = (0.0, 0.0)
        self._stalls: Stalls | None = None
        self._told = False

    async def recover(self, partition: int) -> Recovered:
        if self._stalls is None:
            self._stalls = Stalls()
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGUSR1, self._stalls.asked)
            loop.add_signal_handler(signal.SIGUSR2, self._tell_progress)
            tell("recovering", at_seconds=time.monotonic())
        recovered = await self._store.recover(partition)
        self._begun = time.perf_counter(), time.process_time()
        self._ends |= {(topic, partition): at for topic, at in recovered.offsets.items()}
        self._tell_if_done()
        return recovered

    async def flush(self, partition: int, flush: Flush) -> None:
        await self._store.flush(partition, flush)
        self._ends |= {(topic, partition): at for topic, at in flush.offsets.items()}
        self._tell_if_done()

    def _tell_if_done(self) -> None:
        if self._told or sum(self._ends.values()) < self._records:
            return
        self._told = True
        tell(
            "caught up",
            seconds=time.perf_counter() - self._begun[0],
            cpu_seconds=time.process_time() - self._begun[1],
        )

    def _tell_progress(self) -> None:
        tell("progress", durable=sum(self._ends.values()), cpu_seconds=time.process_time())

    async def release(self, partition: int) -> None:
        self._ends = {place: end for place, end in self._ends.items() if place[1] != partition}
        await self._store.release(partition)

    async def close(self) -> None:
        await self._store.close()


class Stalls:
    """How late a beat of 1 ms comes, and how much of that is not the fault of other programs: the kernel
    knows how long the loop's thread was ready to run and waited for a core."""

    def __init__(self) -> None:
        self._longest = self._without = 0.0
        self._before: tuple[float, float] | None = None
        self._schedule = os.open("/proc/thread-self/schedstat", os.O_RDONLY)

    def _waited(self) -> float:
        return int(os.pread(self._schedule, 64, 0).split()[1]) / 1e9

    def _beat(self) -> None:
        # A call of the loop itself: a task that sleeps would wake up one turn of the loop later.
        asyncio.get_running_loop().call_later(BEAT_SECONDS, self._beat)
        now, waited = time.perf_counter(), self._waited()
        if self._before is not None:
            late = now - self._before[0] - BEAT_SECONDS
            self._longest = max(self._longest, late)
            self._without = max(self._without, late - (waited - self._before[1]))
        self._before = now, waited

    def asked(self) -> None:
        """Tell, and begin anew."""
        if self._before is None:
            self._beat()
        tell("stalls", stall_seconds=self._longest, without_waiting_seconds=self._without)
        self._longest = self._without = 0.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--records", type=int, required=True)
    options = parser.parse_args()
    settings = load_settings(options.config, os.environ)
    store = open_store(settings.broker, prefix=settings.topic_prefix, group=settings.group)
    run_worker(
        settings,
        build_registry(settings),
        host="127.0.0.1",
        port=options.port,
        store=TimedStore(store, options.records),
    )


if __name__ == "__main__":
    main()
