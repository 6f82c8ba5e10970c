"""What every part of the bench is given: how much of everything, where to work, and what to report to."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.bench.figures import Report, Row
from tests.kafka_server import KafkaServer, KafkaUnavailableError, must_run

ACCOUNTS: Final = 2_000
HEAP_MB: Final = 768


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything."""

    events: int
    group_events: int
    part_events: int
    rounds: int
    scaling_events: int
    fleet_events: int
    latency_seconds: int
    series_events: int
    scrapes: int
    memory_events: int
    backtest_events: int


FULL: Final = Scale(
    1_000_000, 1_000_000, 200_000, 5, 2_000_000, 1_000_000, 40, 400_000, 6, 1_000_000, 5_000_000
)
QUICK: Final = Scale(200_000, 50_000, 40_000, 1, 200_000, 100_000, 8, 100_000, 2, 200_000, 200_000)


@dataclass(slots=True)
class Setting:
    """One run. ``constants``: what the growth worksheet is computed from."""

    scale: Scale
    console: Console
    folder: Path
    report: Report
    constants: dict[str, float] = field(default_factory=dict)
    _begun: float = field(default_factory=time.monotonic)

    def say(self, what: str) -> None:
        """Progress, beside the results."""
        seconds = time.monotonic() - self._begun
        print(f"{seconds // 60:3.0f}:{seconds % 60:02.0f}  {what}", file=sys.stderr, flush=True)

    @contextmanager
    def kafka(self, part: str) -> Iterator[KafkaServer | None]:
        """A broker of this part's own; None, and a row that says so, where it cannot be had."""
        try:
            server = KafkaServer(heap_mb=HEAP_MB)
        except KafkaUnavailableError as error:
            if must_run():
                raise
            self.report.rows.append(Row(f"{part}, on Apache Kafka", note=f"skipped: {error}"))
            yield None
            return
        with server:
            yield server
