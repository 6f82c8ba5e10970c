"""What topic ``kpis.deep`` is told of each account: when its figures are others, or at least now and then."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from resonanz_streams.deep import Arranged, DeepFigures
from resonanz_streams.events import KpiSnapshot, encode
from resonanz_streams.registry import Account

REFRESH_MS: Final = 300_000
"""An account whose figures do not change is told again after this: they are as of a later time."""

_LEAST: Final = 100
_FLUSHES: Final = 8
"""Into so many flushes records are divided, if they are many: a transaction stays small."""

_NEVER: Final = -(2**62)


@dataclass(slots=True)
class Untold:
    """Figures that are other than what was told last, of ``rows``, those told longest ago first.

    ``marks``: by row, what figures are told apart by. ``at_once``: rows that go into one flush.
    """

    figures: DeepFigures
    arranged: Arranged
    marks: NDArray[np.int64]
    rows: NDArray[np.intp]
    at_once: int


class DeepNews:
    """Of one partition. ``every_tick``: everything is told whenever time moved, and at once."""

    def __init__(self, accounts: Sequence[Account], *, every_tick: bool) -> None:
        self.accounts = accounts
        self._every_tick = every_tick
        self._marks = np.zeros(len(accounts), dtype=np.int64)
        self._told_ms = np.full(len(accounts), _NEVER)
        self._untold: Untold | None = None

    def of(self, figures: DeepFigures) -> Untold:
        """What is to be told of them; in any thread."""
        arranged, at_ms = figures.arranged(), figures.at_ms
        marks = np.array([_mark(figures, arranged, row) for row in range(len(self.accounts))], dtype=np.int64)
        old = at_ms - self._told_ms >= (1 if self._every_tick else REFRESH_MS)
        rows = np.flatnonzero((marks != self._marks) | old)
        rows = rows[np.argsort(self._told_ms[rows], kind="stable")]
        at_once = len(rows) if self._every_tick else max(_LEAST, -(-len(rows) // _FLUSHES))
        # Of the columns, which are as large, nothing more is needed.
        return Untold(replace(figures, columns=()), arranged, marks, rows, at_once)

    def wait(self, untold: Untold) -> None:
        """Tell this with the next flushes, instead of what still waits: it is newer."""
        self._untold = untold

    def take(self) -> Callable[[], list[tuple[bytes, bytes]]] | None:
        """What goes into one flush, which counts as told now: a function that makes (key, JSON) of it, in any
        thread. None if there is nothing.

        It is made when it is told: as JSON what waits would take three times the memory.
        """
        untold = self._untold
        if untold is None or not len(untold.rows):
            self._untold = None
            return None
        rows, untold.rows = untold.rows[: untold.at_once], untold.rows[untold.at_once :]
        self._marks[rows], self._told_ms[rows] = untold.marks[rows], untold.figures.at_ms
        return lambda: [self._record(untold, row) for row in rows.tolist()]

    def _record(self, untold: Untold, row: int) -> tuple[bytes, bytes]:
        account, figures = self.accounts[row], untold.figures
        snapshot = KpiSnapshot(
            at_ms=figures.at_ms,
            client=account.client,
            platform=account.platform,
            account=account.id,
            coverage=float(figures.coverage["24h"][row]),
            kpis=untold.arranged.entries(row),
            read=figures.read,
            actors=figures.actors.get(row) or msgspec.UNSET,
            days={window: int(packed[row]) for window, packed in figures.days.items()} or msgspec.UNSET,
        )
        return account.id.encode(), encode(snapshot)


def _mark(figures: DeepFigures, arranged: Arranged, row: int) -> int:
    # Other people may be as many.
    people = figures.actors.get(row, {})
    return hash((arranged.mark(row), *(msgspec.structs.astuple(each) for each in people.values())))
