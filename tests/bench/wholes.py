"""The whole worker on both brokers, and its peers on the same topics, round by round in turn.

In turn, so that what else the machine does meanwhile is the same for all.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.children import WorkerChild, measured_child
from tests.bench.figures import Round, Row
from tests.bench.load import Load, settings_data
from tests.bench.logs import fill_kafka, write_config
from tests.bench.series import scrape

ON_SQLITE: Final = "whole worker on SQLite"
ON_KAFKA: Final = "whole worker on Apache Kafka"
DRAIN: Final = "aiokafka getmany alone"
FAUST: Final = "plain Faust"
_DOES: Final = "decode, ledger, 7 windows, durable state, KPIs, snapshots, a scrape a second"


@dataclass(frozen=True, slots=True)
class Contestant:
    """``run`` measures one round, given its number; no more than ``most`` of them."""

    name: str
    note: str
    run: Callable[[int], Round]
    most: int = 1000


def in_turn(contestants: Sequence[Contestant], rounds: int) -> list[Row]:
    """A row for each."""
    found: dict[str, list[Round]] = {one.name: [] for one in contestants}
    for number in range(rounds):
        for one in contestants:
            if number < one.most:
                found[one.name].append(one.run(number))
    return [Row(one.name, found[one.name], one.note) for one in contestants]


def on_sqlite(url: str, load: Load, records: int, folder: Path) -> Contestant:
    """The worker on an embedded log that is filled already."""
    data = settings_data(len(load.names), url)
    return Contestant(
        ON_SQLITE, _DOES, lambda number: _worker_round(data, number, records, len(load), folder)
    )


def on_kafka(url: str, load: Load, faust_events: int, folder: Path) -> list[Contestant]:
    """Fills the topics; the worker, bare aiokafka, and plain Faust on its first ``faust_events``."""
    fill_kafka(url, load)
    data, events = settings_data(len(load.names), url), len(load)

    def drain(_: int) -> Round:
        return measured_child("drain", [url, str(events)], folder)

    def faust(number: int) -> Round:
        return measured_child("plain_faust", [url, f"faust-{number}", str(faust_events)], folder)

    return [
        Contestant(ON_KAFKA, _DOES, lambda number: _worker_round(data, number, events, events, folder)),
        Contestant(DRAIN, "the limit: records fetched, nothing done", drain),
        Contestant(
            FAUST, f"JSON and a count per account, kind and 10 s; {faust_events:,} events", faust, most=3
        ),
    ]


def _worker_round(data: dict[str, Any], number: int, records: int, events: int, folder: Path) -> Round:
    """From the end of recovery until all events are durable, scraped once a second.

    Each round is a consumer group of its own, so it begins without any state.
    """
    group = f"bench-{number}"
    config = write_config(folder, group, data | {"group": group})
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
