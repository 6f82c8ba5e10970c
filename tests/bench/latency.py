"""How long after its publishing an event shows on /metrics and on the wall, while others flow.

Markers are likes of an account of their own: when its count shows n, marker n has arrived. /metrics is asked
again a tenth of a second after each answer, which is part of what is measured.
"""

import http.client
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from tests.bench.children import OURS, Child, WorkerChild, module
from tests.bench.figures import Row
from tests.bench.load import settings_data
from tests.bench.logs import ensure_topics, write_config
from tests.bench.setting import ACCOUNTS, Setting
from tests.bench.steady import PROBE
from tests.processes import Process, free_port, get, wait_until

RATE: Final = 20_000
_PAUSE_SECONDS: Final = 0.1
_WARM_UP: Final = 30
"""The first markers find everything just started."""

_COUNT = re.compile(b'account="' + PROBE.encode() + rb'",kind="like"\} (\S+)$', re.MULTILINE)


class Shown:
    """How many markers were to be seen, and since when."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, float]] = []

    def take(self, count: int) -> None:
        """An answer that shows ``count`` markers is here."""
        if count and (not self.seen or count > self.seen[-1][0]):
            self.seen.append((count, time.monotonic()))

    def waits(self, published: Sequence[float]) -> list[float]:
        """Seconds that each marker took; those that never showed are missing."""
        waits, number = [], 0
        for count, at in self.seen:
            waits += [at - sent for sent in published[number:count]]
            number = max(number, count)
        return waits


class MetricsPoll(threading.Thread):
    """Asks /metrics over and over."""

    def __init__(self, port: int, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self.shown = Shown()
        self.answers = 0
        self._port = port
        self._ended = ended

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._ended.wait(_PAUSE_SECONDS):
            connection.request("GET", "/metrics")
            found = _COUNT.search(connection.getresponse().read())
            self.answers += 1
            self.shown.take(int(float(found[1])) if found else 0)
        connection.close()


class WallWatch(threading.Thread):
    """Listens to the wall's stream, as a page does."""

    def __init__(self, port: int, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self.shown = Shown()
        self._port = port
        self._ended = ended

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request("GET", "/api/v1/stream?window=24h&kpi=interactions")
        answer = connection.getresponse()
        while not self._ended.is_set():
            line = answer.readline()
            if PROBE.encode() in line:
                self.shown.take(_markers(line.removeprefix(b"data: ")))
        connection.close()


def _markers(data: bytes) -> int:
    for snapshot in msgspec.json.decode(data)["snapshots"]:
        if snapshot["account"] == PROBE:
            for entry in snapshot["kpis"]:
                if (entry["kpi"], entry["window"], entry["part"]) == ("interactions", "24h", "like"):
                    return int(entry["value"] or 0)  # null before the first
    return 0


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from publish to sight of every marker; the rate that was kept."""

    metrics: Sequence[float]
    wall: Sequence[float]
    rate: float
    answers: int


def measure_latency(setting: Setting) -> None:
    """On Kafka, with the default tick."""
    report = setting.report
    with setting.kafka("latency") as server:
        if server is None:
            return
        setting.say(f"{setting.scale.latency_seconds} s at {RATE:,} events/s")
        found = latency(server.url, setting.scale.latency_seconds, setting.folder)
    figures = []
    for what, waits, wanted in (
        ("/metrics", found.metrics, ((50, 0.6), (99, 1.5))),
        ("the wall", found.wall, ((95, 2.0),)),
    ):
        for percent, limit in wanted:
            report.at_most(f"publish to {what}, p{percent}", float(np.percentile(waits, percent)), limit, "s")
        p50, p95, p99 = np.percentile(waits, (50, 95, 99))
        figures.append(f"{what}: p50 {p50:.2f} s, p95 {p95:.2f}, p99 {p99:.2f} of {len(waits)}")
    report.rows.append(
        Row(
            "publish to sight",
            note=f"{'; '.join(figures)}; Kafka, {found.rate:,.0f} events/s, {ACCOUNTS:,} accounts, "
            f"{found.answers} scrapes meanwhile",
        )
    )


def latency(url: str, seconds: int, folder: Path) -> Latency:
    """A worker, a wall, and events for so many seconds."""
    ensure_topics(url)
    data = settings_data(ACCOUNTS, url)
    data["clients"]["client-0"]["accounts"].append(PROBE)
    config = write_config(folder, "latency", data)
    wall_port, ended = free_port(), threading.Event()
    wall = ["-m", "resonanz_streams", "wall", "--config", str(config), "--port", str(wall_port)]
    flow = [*module("steady"), url, str(ACCOUNTS), str(RATE), str(seconds)]
    with WorkerChild(config, 0, folder) as worker, Process(wall, folder / "wall.log"):
        for port in (worker.port, wall_port):
            wait_until(lambda port=port: get(f"http://127.0.0.1:{port}/readyz"), "all are ready", 120)  # type: ignore[misc]
        watching = MetricsPoll(worker.port, ended), WallWatch(wall_port, ended)
        for one in watching:
            one.start()
        with Child("steady", flow, folder, OURS) as steady:
            told = steady.wait_for("published", seconds=seconds + 120)
            published = [marker["at_seconds"] for marker in steady.told("marker")]
        wait_until(
            lambda: all(len(one.shown.waits(published)) == len(published) for one in watching),
            "every marker shows",
            30,
        )
        ended.set()
        for one in watching:
            one.join(10)
    metrics, wall_waits = (one.shown.waits(published)[_WARM_UP:] for one in watching)
    return Latency(metrics, wall_waits, told["events"] / told["seconds"], watching[0].answers)
