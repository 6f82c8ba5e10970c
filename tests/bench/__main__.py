"""Runs the bench, on Linux: ``python -m tests.bench [--quick] [--only stages,brokers,series,memory]``."""

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console

from resonanz_streams.clock import wall_ms
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import load_settings
from tests.bench.figures import Report, Row
from tests.bench.load import make_load, settings_data
from tests.bench.logs import fill_sqlite, write_config
from tests.bench.memory import measure_memory
from tests.bench.series import RATE, measure_series
from tests.bench.stages import stage_rows
from tests.bench.wholes import DRAIN, FAUST, ON_KAFKA, ON_SQLITE, in_turn, on_kafka, on_sqlite
from tests.kafka_server import KafkaServer, KafkaUnavailableError, must_run

PARTS: Final = ("stages", "brokers", "series", "memory")
ACCOUNTS: Final = 2_000
HEAP_MB: Final = 768


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything."""

    events: int
    faust_events: int
    rounds: int
    series_events: int
    scrapes: int
    memory_events: int


FULL: Final = Scale(1_000_000, 150_000, 5, 400_000, 6, 1_000_000)
QUICK: Final = Scale(200_000, 40_000, 1, 100_000, 2, 200_000)


class Bench:
    """One run. ``report`` fills up part by part."""

    def __init__(self, scale: Scale, console: Console, folder: Path) -> None:
        self._scale = scale
        self._console = console
        self._folder = folder
        self._load = make_load(scale.events, accounts=ACCOUNTS, end_ms=wall_ms(), span_ms=3_600_000)
        self._url = f"sqlite:///{folder}/bench.db"
        self._records = 0
        self.report = Report(
            f"{scale.events:,} events of {self._load.line_bytes:.0f} B, {ACCOUNTS:,} accounts, 4 partitions; "
            f"medians of {scale.rounds}"
        )

    def run(self, parts: frozenset[str]) -> None:
        """Measure these parts, in a fixed order."""
        works: dict[str, Callable[[], None]] = {
            "stages": self._stages,
            "brokers": self._brokers,
            "series": self._series,
            "memory": self._memory,
        }
        if parts & {"stages", "brokers"}:
            self._records = fill_sqlite(self._url, self._load)
        for part in PARTS:
            if part in parts:
                with self._console.status(f"measuring: {part}"):
                    works[part]()

    def _stages(self) -> None:
        config = write_config(self._folder, "stages", settings_data(ACCOUNTS, self._url))
        settings = load_settings(config, os.environ)
        self.report.rows += stage_rows(
            settings, build_registry(settings), self._folder / "bench.db", len(self._load), self._scale.rounds
        )

    def _brokers(self) -> None:
        embedded = on_sqlite(self._url, self._load, self._records, self._folder)
        try:
            server = KafkaServer(heap_mb=HEAP_MB)
        except KafkaUnavailableError as error:
            if must_run():
                raise
            self.report.rows += in_turn([embedded], self._scale.rounds)
            self.report.rows.append(Row("Apache Kafka", note=f"skipped: {error}"))
            return
        with server:
            others = on_kafka(server.url, self._load, self._scale.faust_events, self._folder)
            self.report.rows += in_turn([embedded, *others], self._scale.rounds)
        self._compare()

    def _series(self) -> None:
        found = measure_series(self._folder, self._scale.series_events, self._scale.scrapes)
        scrape = median(found.seconds) * 1000
        least, most = min(found.seconds) * 1000, max(found.seconds) * 1000
        stall = median(one.seconds for one in found.stalls) * 1000
        without = median(one.without for one in found.stalls) * 1000
        self.report.rows.append(
            Row(
                "exporter over HTTP",
                note=f"{scrape:.0f} ms a scrape ({least:.0f} to {most:.0f}), "
                f"{found.series:,} account series, {found.rate:,.0f} events/s meanwhile; the event loop's "
                f"longest stall {stall:.0f} ms, {without:.0f} without waiting for a core that others had "
                f"({found.quiet.seconds * 1000:.0f} and {found.quiet.without * 1000:.0f} without scrapes)",
            )
        )
        self.report.at_most("scrape of 100,000 series", scrape, 300, "ms")
        self.report.at_most(f"longest stall at {RATE:,} events/s", without, 20, "ms")

    def _memory(self) -> None:
        found = measure_memory(self._folder, self._scale.memory_events)
        self.report.rows.append(
            Row(
                "10,000 accounts, 28 days",
                note=f"{found.counted_mb:.0f} MB after {self._scale.memory_events:,} events (peak "
                f"{found.peak_mb:.0f}), {found.restarted_mb:.0f} MB after a restart, which took "
                f"{found.recovery_seconds:.2f} s from the stored state to ready",
            )
        )
        self.report.at_most("memory of 10,000 accounts", found.peak_mb, 1024, "MB")
        self.report.at_most("recovery from SQLite", found.recovery_seconds, 3, "s")

    def _compare(self) -> None:
        report = self.report
        report.compare("worker on Kafka against plain Faust", ON_KAFKA, FAUST, 9)
        report.compare("worker on SQLite against the same on Kafka", ON_SQLITE, ON_KAFKA, 1)
        report.compare("worker on Kafka against bare aiokafka", ON_KAFKA, DRAIN, 0.3)
        for name in (ON_KAFKA, ON_SQLITE):
            if (row := report.row(name)) is not None:
                report.at_most(f"CPU per million, {name}", row.cpu_per_million, 6, "s")


class Neighbours:
    """The share of the machine that other programs took."""

    def __init__(self) -> None:
        self._before = self._look()

    def _look(self) -> tuple[float, float]:
        with Path("/proc/stat").open(encoding="utf-8") as file:
            ticks = [int(word) for word in file.readline().split()[1:9]]
        hertz = os.sysconf("SC_CLK_TCK")
        idle = (ticks[3] + ticks[4]) / hertz
        return sum(ticks) / hertz, sum(ticks) / hertz - idle

    def share(self) -> float:
        """0 to 1, since this was made."""
        whole, busy = (now - before for now, before in zip(self._look(), self._before, strict=True))
        ours = sum(
            usage.ru_utime + usage.ru_stime
            for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )
        return max(0.0, busy - ours) / whole


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything, one round: under a minute")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas (default: all)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables as Markdown, too")
    parser.add_argument("--rounds", type=int, help="of which the median is shown (default 5, quick 1)")
    options = parser.parse_args()
    parts = frozenset(options.only.split(","))
    if unknown := parts - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; choose from: {', '.join(PARTS)}")
    scale = QUICK if options.quick else FULL
    if options.rounds:
        scale = replace(scale, rounds=options.rounds)
    console = Console()
    neighbours = Neighbours()
    with tempfile.TemporaryDirectory(prefix="resonanz-bench-") as folder:
        bench = Bench(scale, console, Path(folder))
        bench.run(parts)
    bench.report.notes.append(
        f"{os.cpu_count()} cores, Python {sys.version.split()[0]}; other programs took "
        f"{neighbours.share():.0%} of the machine meanwhile."
    )
    bench.report.show(console)
    if options.markdown:
        options.markdown.write_text(bench.report.markdown(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
