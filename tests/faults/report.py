"""How much of each fault is tried, and the table of what was seen.

A case has a short form, which every run of the tests takes, and a long one, which ``make faults`` takes.
What a case saw goes to the table: ``saw("worker killed", broker="Apache Kafka", kills=100, wrong=0)``.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

T = TypeVar("T")
HEAD: Final = "| fault | on | seen |"
_FILE: Final = "RESONANZ_FAULTS"


class Sight(msgspec.Struct, frozen=True):
    """What one case saw on one broker; ``figures`` in the order in which they are to be read."""

    case: str
    broker: str
    figures: dict[str, int | float | str]


def is_long() -> bool:
    """Whether this run is ``make faults``."""
    return _FILE in os.environ


def form(short: T, long: T) -> T:
    """The scale of a case: ``form(3, 100)`` kills."""
    return long if is_long() else short


def saw(case: str, *, broker: str = "", **figures: float | str) -> None:
    """A row of the table; without ``make faults`` it is only checked. A second row of a case and broker
    takes the place of the first."""
    line = msgspec.json.encode(Sight(case, broker, dict(figures)))
    if is_long():
        with Path(os.environ[_FILE]).open("ab") as file:
            file.write(line + b"\n")


def read(path: Path) -> list[Sight]:
    """All sights of a file, the newest of each case and broker, in the order of their first."""
    newest: dict[tuple[str, str], Sight] = {}
    for line in path.read_bytes().splitlines():
        sight = msgspec.json.decode(line, type=Sight)
        newest[sight.case, sight.broker] = sight
    return list(newest.values())


def markdown(sights: Sequence[Sight], known: str = "") -> str:
    """The table; rows of ``known``, an earlier one, stay where nothing newer was seen."""
    rows = {_place(line): line for line in known.splitlines() if line.startswith("| ")}
    rows = {_place(HEAD): HEAD} | rows | {_place(line): line for line in map(_row, sights)}
    head, *others = rows.values()
    return "\n".join([head, "|---|---|---|", *others]) + "\n"


def _row(sight: Sight) -> str:
    figures = ", ".join(f"{name.replace('_', ' ')} {_shown(value)}" for name, value in sight.figures.items())
    return f"| {sight.case} | {sight.broker or 'both'} | {figures} |"


def _place(row: str) -> tuple[str, ...]:
    """Case and broker."""
    return tuple(row.split(" | ")[:2])


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"
