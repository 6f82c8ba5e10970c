"""The whole worker on a broker, drained from the beginning; and its peers on the same topics."""

import threading
from pathlib import Path
from typing import Any

from tests.bench.children import WorkerChild, measured_child
from tests.bench.figures import Round, Row
from tests.bench.logs import write_config
from tests.bench.series import scrape


def worker_row(
    name: str, data: dict[str, Any], *, records: int, events: int, rounds: int, folder: Path
) -> Row:
    """The worker from the end of recovery until all events are durable, scraped once a second.

    Each round is a consumer group of its own, so it begins without any state.
    """
    found = [
        _worker_round(data | {"group": f"bench-{name}-{number}".replace(" ", "-")}, records, events, folder)
        for number in range(rounds)
    ]
    return Row(name, found, "decode, ledger, 7 windows, durable state, KPIs, snapshots, a scrape a second")


def _worker_round(data: dict[str, Any], records: int, events: int, folder: Path) -> Round:
    config = write_config(folder, data["group"], data)
    with WorkerChild(config, records, folder) as worker:
        worker.wait_for("recovering")
        ended = threading.Event()
        scraping = threading.Thread(target=_scrape, args=(worker.port, ended))
        scraping.start()
        try:
            told = worker.wait_for("caught up")
        finally:
            ended.set()
            scraping.join()
        worker.terminate()
    return Round(events, told["seconds"], told["cpu_seconds"])


def _scrape(port: int, ended: threading.Event) -> None:
    while not ended.wait(1.0):
        scrape(port)


def drain_row(url: str, events: int, rounds: int, folder: Path) -> Row:
    """Bare aiokafka."""
    found = [measured_child("drain", [url, str(events)], folder) for _ in range(rounds)]
    return Row("aiokafka getmany alone", found, "the limit: records fetched, nothing done")


def faust_row(url: str, events: int, rounds: int, folder: Path) -> Row:
    """Plain Faust, over the first ``events`` of the topics."""
    found = [
        measured_child("plain_faust", [url, f"plain-faust-{number}", str(events)], folder)
        for number in range(rounds)
    ]
    return Row("plain Faust", found, f"JSON and a count per account, kind and 10 s; {events:,} events")
