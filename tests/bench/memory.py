"""What a worker with many accounts and their history takes, and how soon another one has it back."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from resonanz_streams.clock import wall_ms
from resonanz_streams.topics import DAY_MS
from tests.bench.children import WorkerChild
from tests.bench.load import make_load, settings_data
from tests.bench.logs import fill_sqlite, write_config
from tests.processes import get, wait_until

ACCOUNTS: Final = 10_000
DAYS: Final = 28


@dataclass(frozen=True, slots=True)
class Memory:
    """MB of the process once it had counted everything, the peak until then, the same after a restart, and
    the seconds from the first look at the stored state until /readyz said so."""

    counted_mb: float
    peak_mb: float
    restarted_mb: float
    recovery_seconds: float


def measure_memory(folder: Path, events: int) -> Memory:
    """``events`` over 28 days of 10,000 accounts, counted from a log, then taken over."""
    url = f"sqlite:///{folder}/memory.db"
    load = make_load(events, accounts=ACCOUNTS, end_ms=wall_ms(), span_ms=DAYS * DAY_MS)
    records = fill_sqlite(url, load)
    config = write_config(folder, "memory", settings_data(ACCOUNTS, url))
    with WorkerChild(config, records, folder) as worker:
        worker.wait_for("caught up")
        time.sleep(2.0)  # a tick with nothing to read
        counted, peak = worker.memory_mb()
        worker.terminate()
    with WorkerChild(config, records, folder) as worker:
        begun = worker.wait_for("recovering")["at_seconds"]
        wait_until(lambda: get(f"http://127.0.0.1:{worker.port}/readyz"), "the worker is ready")
        ready = time.monotonic()
        restarted, _ = worker.memory_mb()
        worker.terminate()
    return Memory(counted, peak, restarted, ready - begun)
