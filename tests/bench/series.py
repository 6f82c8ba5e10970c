"""200,000 account series scraped from the real exporter while events flow."""

import gzip
import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.clock import wall_ms
from resonanz_streams.events import Audience, encode
from resonanz_streams.transports.ports import Outgoing
from tests.bench.children import WorkerChild
from tests.bench.figures import Row
from tests.bench.load import Load, make_load, settings_data
from tests.bench.logs import fill_sqlite, outgoing, records_in, split, write_config
from tests.bench.setting import Setting

ACCOUNTS: Final = 10_000
RATE: Final = 20_000
_WINDOWS: Final = 3
_BEAT_SECONDS: Final = 0.1
_EXPORT: Final = {"velocity": ["1h"]}
"""Three more than the default's seventeen: twenty series an account."""


@dataclass(frozen=True, slots=True)
class Stall:
    """The longest of a worker's event loop in some seconds; ``without``: time left out in which its thread
    waited for a core that another program had."""

    seconds: float
    without: float


@dataclass(frozen=True, slots=True)
class Scrapes:
    """``seconds`` of each scrape; the stalls of each window of time with scrapes, and of one without."""

    series: int
    seconds: Sequence[float]
    stalls: Sequence[Stall]
    quiet: Stall
    rate: float


class Flow(threading.Thread):
    """Publishes at a steady rate until it has no more; ``rate`` is what it really was."""

    def __init__(self, url: str, load: Load) -> None:
        super().__init__(daemon=True)
        self._publisher = open_publisher(url)
        self._chunks = split(outgoing(load), int(RATE * _BEAT_SECONDS))
        self.rate = 0.0

    def run(self) -> None:
        started = time.monotonic()
        for number, chunk in enumerate(self._chunks):
            time.sleep(max(0.0, started + number * _BEAT_SECONDS - time.monotonic()))
            self._publisher.publish(chunk)
            self._publisher.flush()
        self.rate = sum(map(len, self._chunks)) / (time.monotonic() - started)
        self._publisher.close()


def scrape(port: int) -> tuple[float, bytes]:
    """Seconds until the whole answer is here, compressed as Prometheus asks for it; and the text."""
    started = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
    body = connection.getresponse().read()
    seconds = time.monotonic() - started
    connection.close()
    return seconds, gzip.decompress(body)


def measure_series(setting: Setting) -> None:
    """A row and two targets."""
    setting.say("scrapes while events flow")
    found = scraped(setting.folder, setting.scale.series_events, setting.scale.scrapes)
    ms = [seconds * 1000 for seconds in found.seconds]
    stall = median(one.seconds for one in found.stalls) * 1000
    without = median(one.without for one in found.stalls) * 1000
    setting.report.rows.append(
        Row(
            "exporter over HTTP",
            note=f"{median(ms):.0f} ms a scrape ({min(ms):.0f} to {max(ms):.0f}), "
            f"{found.series:,} account series, {found.rate:,.0f} events/s meanwhile; the event loop's "
            f"longest stall {stall:.0f} ms, {without:.0f} without waiting for a core that others had "
            f"({found.quiet.seconds * 1000:.0f} and {found.quiet.without * 1000:.0f} without scrapes)",
        )
    )
    setting.report.at_most("scrape of 200,000 series", median(ms), 300, "ms")
    setting.report.at_most(f"longest stall at {RATE:,} events/s", without, 20, "ms")
    setting.constants["series_per_account"] = found.series / ACCOUNTS


def fill(folder: Path, events: int) -> tuple[str, int]:
    """A log of ``events``, and followers for every account; returns its URL and its records."""
    url, now_ms = f"sqlite:///{folder}/series.db", wall_ms()
    load = make_load(events, accounts=ACCOUNTS, end_ms=now_ms, span_ms=3_600_000)
    fill_sqlite(url, load)
    publisher = open_publisher(url)
    publisher.publish(
        [
            Outgoing(
                "audience",
                name.encode(),
                encode(
                    Audience(id=name, source="file", account=name, at_ms=now_ms - 60_000, followers=4_000)
                ),
            )
            for name in load.names
        ]
    )
    publisher.close()
    return url, records_in(url)


def scraped(folder: Path, events: int, scrapes: int) -> Scrapes:
    """Let a worker catch up with a log of ``events``, then publish, and scrape once a second."""
    url, records = fill(folder, events)
    config = write_config(folder, "series", settings_data(ACCOUNTS, url, export=_EXPORT))
    with WorkerChild(config, records, folder) as worker:
        worker.wait_for("caught up")
        seconds = scrapes * (_WINDOWS + 1) + 2
        more = make_load(RATE * seconds, accounts=ACCOUNTS, end_ms=wall_ms(), span_ms=1_000 * seconds, seed=2)
        flow = Flow(url, more)
        flow.start()
        _stall(worker)
        time.sleep(scrapes)
        quiet = _stall(worker)
        found: list[tuple[float, bytes]] = []
        stalls = []
        for _ in range(_WINDOWS):
            for _ in range(scrapes):
                found.append(scrape(worker.port))
                time.sleep(max(0.0, 1.0 - found[-1][0]))
            stalls.append(_stall(worker))
        flow.join()
    lines = found[-1][1].splitlines()
    series = sum(1 for line in lines if b',account="' in line and line.startswith(b"resonanz_"))
    return Scrapes(series, [one for one, _ in found], stalls, quiet, flow.rate)


def _stall(worker: WorkerChild) -> Stall:
    asked = worker.ask()
    return Stall(asked["stall_seconds"], asked["without_waiting_seconds"])
