"""Runs the bench, on Linux: ``python -m tests.bench [--quick] [--only PART,…] [--readme]``."""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.bench import readme
from tests.bench.backtesting import measure_backtest
from tests.bench.figures import Report
from tests.bench.groups import measure_groups
from tests.bench.latency import measure_latency
from tests.bench.memory import measure_memory
from tests.bench.race import measure_race
from tests.bench.scaling import measure_scaling
from tests.bench.series import measure_series
from tests.bench.setting import ACCOUNTS, FULL, QUICK, Setting
from tests.bench.stages import measure_stages

PARTS: Final[dict[str, Callable[[Setting], None]]] = {
    "stages": measure_stages,
    "groups": measure_groups,
    "race": measure_race,
    "scaling": measure_scaling,
    "latency": measure_latency,
    "series": measure_series,
    "memory": measure_memory,
    "backtest": measure_backtest,
}


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
    parser.add_argument("--quick", action="store_true", help="less of everything, one round")
    parser.add_argument(
        "--only", default=",".join(PARTS), help=f"parts, of {', '.join(PARTS)} (default: all)"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables as Markdown, too")
    parser.add_argument("--readme", action="store_true", help="put the tables of a whole run into README.md")
    parser.add_argument("--rounds", type=int, help="of which the median is shown (default 5, quick 1)")
    options = parser.parse_args()
    chosen = options.only.split(",")
    if unknown := set(chosen) - PARTS.keys():
        parser.error(f"there is no part {', '.join(sorted(unknown))}; choose from: {', '.join(PARTS)}")
    if options.readme and (options.quick or set(chosen) != PARTS.keys()):
        parser.error("README.md shows whole runs: leave --quick and --only out")
    scale = QUICK if options.quick else FULL
    if options.rounds:
        scale = replace(scale, rounds=options.rounds)
    console, neighbours, begun = Console(), Neighbours(), time.monotonic()
    report = Report(
        f"{scale.events:,} events of 182 B, {ACCOUNTS:,} accounts, 4 partitions; medians of {scale.rounds}"
    )
    with tempfile.TemporaryDirectory(prefix="resonanz-bench-") as folder:
        setting = Setting(scale, console, Path(folder), report)
        for name, measure in PARTS.items():
            if name in chosen:
                measure(setting)
    minutes = (time.monotonic() - begun) / 60
    report.notes.append(
        f"{os.cpu_count()} cores, Python {sys.version.split()[0]}; {minutes:.0f} minutes, in which other "
        f"programs took {neighbours.share():.0%} of the machine."
    )
    report.show(console)
    if options.markdown:
        options.markdown.write_text(report.markdown(), encoding="utf-8")
    if options.readme:
        readme.write(report, setting.constants)
    return 0


if __name__ == "__main__":
    sys.exit(main())
