"""After an hour of load a worker has a month of history back within seconds, and all of it."""

import asyncio
import time
from pathlib import Path
from typing import NamedTuple

from resonanz_streams.clock import wall_ms
from tests.brokers import Broker
from tests.faults.fleet import worker
from tests.faults.history import History, write
from tests.faults.report import form, is_long, saw
from tests.faults.soak import configure, differing, make_topics, metrics, newest_counts, total
from tests.processes import free_port, get, wait_until


class Scale(NamedTuple):
    """How much of it."""

    accounts: int
    past: int
    ticks: int
    per_tick: int


SHORT = Scale(1_000, 60_000, 60, 200)
LONG = Scale(10_000, 1_500_000, 3600, 280)


def test_recovery_after_load(broker: Broker, tmp_path: Path) -> None:
    scale = form(SHORT, LONG)
    history = History(*scale, end_ms=wall_ms())
    make_topics(broker)
    config, port = configure(tmp_path, broker, history.names), free_port()
    flushes = asyncio.run(write(history, broker, config))
    ready = []
    for number in range(form(1, 3)):
        begun = time.monotonic()
        with worker(config, port, name=f"worker-{number}") as process:
            wait_until(lambda: get(f"http://127.0.0.1:{port}/readyz"), "the worker is ready")
            ready.append(time.monotonic() - begun)
            page = metrics(port)
            newest = newest_counts(broker, history.names, ("24h", "28d"), wall_ms())
            assert process.terminate() == 0, process.output()
    assert page is not None
    wrong = differing(newest, history.names, history.standing())
    saw(
        "recovery after an hour of load",
        broker="Apache Kafka" if broker.is_kafka else "SQLite",
        accounts=scale.accounts,
        ledger_entries=int(total(page, "resonanz_ledger_entries")),
        flushes=flushes,
        process_start_to_ready_s=sorted(ready)[len(ready) // 2],
        wrong=wrong,
    )
    assert wrong == 0
    assert total(page, "resonanz_events_total") == 0, "nothing is read again"
    if is_long():
        assert sorted(ready)[len(ready) // 2] <= (10 if broker.is_kafka else 3)
