"""How it grows: workers, partitions, memory, disk and series from events a second and accounts.

``python -m tests.bench.growth ACCOUNTS EVENTS_PER_SECOND HORIZON_DAYS`` computes a column of one's own. Every
constant was measured by the last whole run of the bench; it left them in constants.json.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from resonanz_streams.exporter import SERIES_CAP
from resonanz_streams.topics import TopicSpec

USAGE: Final = (
    "write three numbers: accounts, events a second and days of horizon, such as "
    ".venv/bin/python -m tests.bench.growth 5000 1000 29"
)
CONSTANTS: Final = Path(__file__).with_name("constants.json")
BUSY: Final = 0.5
"""The part of a core that a worker is planned to use: the rest is for catching up."""

DAY_SECONDS: Final = 86_400
RETENTION_DAYS: Final = TopicSpec("", "delete").retention_ms / DAY_SECONDS / 1000


class Constants(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured; bytes and seconds."""

    events_per_second: float
    cpu_per_million: float
    process_bytes: float
    idle_account_bytes: float
    busy_account_bytes: float
    ledger_bytes_per_event: float
    log_bytes_per_event: float
    state_bytes_per_event: float
    series_per_account: float


@dataclass(frozen=True, slots=True)
class Load:
    """``events``: a second, in the mean of a day. ``horizon_days``: how long an event is remembered."""

    name: str
    accounts: int
    events: float
    horizon_days: float

    @property
    def remembered(self) -> float:
        """Events within the horizon."""
        return self.events * self.horizon_days * DAY_SECONDS


EXAMPLES: Final = (
    Load("an agency", 500, 20, 29),
    Load("a country's brands", 100_000, 20_000, 1),
    Load("a whole platform", 10_000_000, 1_000_000, 1 / 24),
)


@dataclass(frozen=True, slots=True)
class Need:
    """What a load needs; bytes."""

    by_cpu: int
    by_series: int
    workers: int
    partitions: int
    worker_bytes: float
    log_bytes: float
    state_bytes: float
    series: float


def need(load: Load, constants: Constants) -> Need:
    """Workers for what is scarcer, processor time or series; two partitions for each of them."""
    series = load.accounts * constants.series_per_account
    by_cpu = math.ceil(load.events * constants.cpu_per_million / 1e6 / BUSY)
    by_series = math.ceil(series / SERIES_CAP)
    workers = max(by_cpu, by_series)
    held = load.accounts * constants.busy_account_bytes + load.remembered * constants.ledger_bytes_per_event
    return Need(
        by_cpu,
        by_series,
        workers,
        max(4, 2 * workers),
        constants.process_bytes + held / workers,
        load.events * RETENTION_DAYS * DAY_SECONDS * constants.log_bytes_per_event,
        load.remembered * constants.state_bytes_per_event,
        series,
    )


def markdown(constants: Constants, loads: Sequence[Load] = EXAMPLES) -> str:
    """The worksheet."""
    needs = [need(load, constants) for load in loads]
    c = constants
    rows: list[tuple[str, str, list[str]]] = [
        ("events a second", "E", [_number(load.events) for load in loads]),
        ("accounts", "A", [_number(load.accounts) for load in loads]),
        ("horizon", "H", [_span(load.horizon_days) for load in loads]),
        (
            "workers for the events",
            f"E · {c.cpu_per_million:.2f} s per million / {BUSY:g} of a core",
            [_number(one.by_cpu) for one in needs],
        ),
        (
            "workers for the series",
            f"A · {c.series_per_account:.0f} series / {SERIES_CAP:,} a worker",
            [_number(one.by_series) for one in needs],
        ),
        ("**workers**", "W, the larger of them", [f"**{one.workers:,}**" for one in needs]),
        ("**partitions**", "2 W, at least 4", [f"**{one.partitions:,}**" for one in needs]),
        (
            "**memory of a worker**",
            (
                f"{_bytes(c.process_bytes)} + A/W · {_bytes(c.busy_account_bytes)} (idle: "
                f"{_bytes(c.idle_account_bytes)}) + E · H / W · {c.ledger_bytes_per_event:.0f} B"
            ),
            [f"**{_bytes(one.worker_bytes)}**" for one in needs],
        ),
        (
            "disk, events",
            f"E · {RETENTION_DAYS:.0f} d · {c.log_bytes_per_event:.0f} B (lz4, one replica)",
            [_bytes(one.log_bytes) for one in needs],
        ),
        (
            "disk, state",
            f"E · H · {c.state_bytes_per_event:.0f} B (one replica)",
            [_bytes(one.state_bytes) for one in needs],
        ),
        (
            "Prometheus series",
            f"A · {c.series_per_account:.0f}",
            [_number(one.series) for one in needs],
        ),
    ]
    lines = [
        f"| | formula | {' | '.join(load.name for load in loads)} |",
        f"|---|---|{'---:|' * len(loads)}",
        *(f"| {what} | {formula} | {' | '.join(cells)} |" for what, formula, cells in rows),
    ]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _span(days: float) -> str:
    return f"{days:g} d" if days >= 1 else f"{days * 24:g} h"


def _bytes(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:.3g} {unit}" if size < 1000 else f"{size:,.0f} {unit}"


def read() -> Constants:
    """The constants of the last whole run."""
    return msgspec.json.decode(CONSTANTS.read_bytes(), type=Constants)


def save(measured: Mapping[str, float]) -> Constants:
    """Keep what a run measured; what it had to skip stays as it was."""
    constants = msgspec.convert(msgspec.structs.asdict(read()) | dict(measured), Constants)
    rounded = {name: float(f"{value:.4g}") for name, value in msgspec.structs.asdict(constants).items()}
    CONSTANTS.write_bytes(msgspec.json.format(msgspec.json.encode(rounded)) + b"\n")
    return read()


def main(words: Sequence[str]) -> int:
    """Print a column, or how to ask for one."""
    try:
        accounts, events, days = words
        load = Load("yours", int(accounts), float(events), float(days))
    except ValueError:
        print(USAGE, file=sys.stderr)
        return 2
    # What is not finite is not greater, or has no end.
    if not (load.accounts > 0 and 0 < load.events < math.inf and 0 < load.horizon_days < math.inf):
        print(f"each of the three must be a number greater than 0; {USAGE}", file=sys.stderr)
        return 2
    print(markdown(read(), [load]), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
