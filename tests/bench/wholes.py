"""The whole worker on both brokers, and its peers on the same topics, round by round in turn.

In turn, so that what else the machine does meanwhile is the same for all.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from resonanz_streams.kpis import KPIS
from tests.bench.children import WorkerChild
from tests.bench.figures import Round, Row
from tests.bench.load import Load, settings_data
from tests.bench.logs import write_config
from tests.bench.series import scrape

ON_SQLITE: Final = "whole worker on SQLite"
ON_KAFKA: Final = "whole worker on Apache Kafka"
_DOES: Final = "decode, ledger, 7 windows, durable state, KPIs of counts, snapshots, a scrape a second"
COUNTED: Final = tuple(kpi.id for kpi in KPIS if not kpi.deep)
"""The KPIs of counts; the others are computed from all that stands."""

WITH_ALL: Final = "whole worker on Apache Kafka, all KPIs"
_FAILURES: Final = 2
"""Of a peer; then it is left alone."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """``run`` measures one round, given its number; no more than ``most`` of them. ``skipped``: why it cannot
    be measured here. ``foreign``: should it fail, the others go on, and so does it, once."""

    name: str
    note: str
    run: Callable[[int], Round]
    most: int = 1000
    skipped: str = ""
    foreign: bool = False


def in_turn(
    contestants: Sequence[Contestant], rounds: int, say: Callable[[str], None] = lambda _: None
) -> list[Row]:
    """A row for each."""
    found: dict[str, list[Round]] = {one.name: [] for one in contestants}
    faults: dict[str, list[str]] = {one.name: [] for one in contestants}
    for number in range(rounds):
        for one in contestants:
            if number >= one.most or one.skipped or len(faults[one.name]) == _FAILURES:
                continue
            say(f"round {number + 1} of {min(rounds, one.most)}: {one.name}")
            try:
                found[one.name].append(one.run(number))
            except AssertionError as error:
                if not one.foreign:
                    raise
                faults[one.name].append(str(error).splitlines()[-1][:200])
    return [_row(one, found[one.name], faults[one.name]) for one in contestants]


def _row(one: Contestant, rounds: Sequence[Round], faults: Sequence[str]) -> Row:
    if not rounds:
        return Row(one.name, note=f"skipped: {one.skipped}" if one.skipped else f"failed: {faults[-1]}")
    failed = f"; failed in {len(faults)} of {len(faults) + len(rounds)} rounds" if faults else ""
    return Row(one.name, rounds, one.note + failed)


def our_worker(
    name: str,
    url: str,
    load: Load,
    records: int,
    folder: Path,
    *,
    prefix: str = "",
    note: str = _DOES,
    scraped: bool = True,
    kpis: Sequence[str] = COUNTED,
) -> Contestant:
    """The worker on a log that is filled already, with these KPIs."""
    data = settings_data(len(load.names), url, topic_prefix=prefix, kpis=list(kpis))
    return Contestant(
        name,
        note,
        lambda number: worker_round(data, f"bench-{number}", records, len(load), folder, scraped=scraped),
    )


def worker_round(
    data: dict[str, Any], group: str, records: int, events: int, folder: Path, *, scraped: bool
) -> Round:
    """From the end of recovery until all events are durable; ``scraped`` once a second.

    Each round is a consumer group of its own, so it begins without any state.
    """
    config = write_config(folder, group, data | {"group": group})
    with WorkerChild(config, records, folder) as worker:
        worker.wait_for("recovering")
        ended = threading.Event()
        scraping = threading.Thread(target=_scrape, args=(worker.port, ended))
        if scraped:
            scraping.start()
        try:
            told = worker.wait_for("caught up")
        finally:
            ended.set()
            if scraped:
                scraping.join()
        worker.terminate()
    return Round(events, told["seconds"], told["cpu_seconds"])


def _scrape(port: int, ended: threading.Event) -> None:
    while not ended.wait(1.0):
        scrape(port)
