"""The deep KPIs of a partition, computed in a thread from all that stands, as often as there is time."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from resonanz_streams.engine import PartitionEngine
from resonanz_streams.evaluation import evaluate
from resonanz_streams.events import KpiEntry
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import REASONS, Column, Inputs, Kpi

LEAST_SECONDS: Final = 15.0
"""Between two computations, measured from the end of the first."""

_encoder: Final = msgspec.json.Encoder()
_MOST: Final = 0.05
"""Of the time at most, all partitions together; with very many events the figures are older instead."""


@dataclass(frozen=True, slots=True)
class DeepFigures:
    """As of ``at_ms``, from the log up to the offsets ``read``. ``coverage``: per window and account."""

    at_ms: int
    read: Mapping[str, int]
    coverage: Mapping[str, NDArray[np.float64]]
    columns: Sequence[tuple[Kpi, str, Column]]
    _encoded: dict[int, Sequence[msgspec.Raw]] = field(default_factory=dict, repr=False)

    def of(self, kpi: str, window: str) -> Sequence[Column]:
        """The columns of one KPI over one window."""
        return [column for known, of_window, column in self.columns if (known.id, of_window) == (kpi, window)]

    def encoded(self, rows: NDArray[np.intp]) -> list[Sequence[msgspec.Raw]]:
        """The entries as JSON: they are told many times before the next figures come."""
        new = [row for row in rows.tolist() if row not in self._encoded]
        for row, entries in zip(new, self.entries(np.array(new, dtype=np.intp)) if new else (), strict=True):
            self._encoded[row] = [msgspec.Raw(_encoder.encode(entry)) for entry in entries]
        return [self._encoded[row] for row in rows.tolist()]

    def entries(self, rows: NDArray[np.intp]) -> list[list[KpiEntry]]:
        """The entries of each of these accounts. A part that is null is left out: the whole says why."""
        place = {row: number for number, row in enumerate(rows.tolist())}
        found: list[list[KpiEntry]] = [[] for _ in place]
        for kpi, window, column in self.columns:
            coverage = self.coverage[window]
            if column.rows is None:
                accounts, values = rows, [part[rows] for part in _numbers(column)]
                parts: Sequence[str | None] = [column.part] * len(rows)
                codes = column.reason[rows]
            else:
                mine = np.flatnonzero(np.isin(column.rows, rows))
                accounts, values = column.rows[mine], [part[mine] for part in _numbers(column)]
                parts = [column.parts[number] for number in mine.tolist()]
                codes = column.reason[mine]
            lines = zip(
                accounts.tolist(), parts, codes.tolist(), *(part.tolist() for part in values), strict=True
            )
            for account, part, code, value, *others in lines:
                if part is None or value == value:  # noqa: PLR0124  # not NaN
                    lo, hi, numerator, denominator = others
                    found[place[account]].append(
                        KpiEntry(
                            kpi=kpi.id,
                            window=window,
                            part=part,
                            value=value,
                            lo=lo,
                            hi=hi,
                            numerator=numerator,
                            denominator=denominator,
                            coverage=float(coverage[account]),
                            reason=REASONS[code] or None,
                        )
                    )
        return found


def _numbers(column: Column) -> tuple[NDArray[np.float64], ...]:
    return column.value, column.lo, column.hi, column.numerator, column.denominator


def deep_figures(inputs: Inputs, read: Mapping[str, int]) -> DeepFigures:
    """The deep KPIs that these inputs want; they hold what stands."""
    wanted = [kpi for kpi in (KPIS if inputs.kpis is None else inputs.kpis) if kpi.deep]
    return DeepFigures(inputs.now_ms, read, inputs.coverage, list(evaluate(inputs, wanted)))


def deep_job(engine: PartitionEngine) -> Callable[[], DeepFigures] | None:
    """A function that computes them as of now, in any thread; None if none are wanted, or before the engine
    knows the time."""
    if engine.facets is None:
        return None
    engine.settle()
    inputs = engine.inputs()
    if inputs is None:
        return None
    table, read = engine.net(), dict(engine.offsets)
    return lambda: deep_figures(replace(inputs, net=table()), read)


class DeepBook:
    """The newest figures of each partition. ``every_tick``: compute them whenever asked."""

    def __init__(self, *, every_tick: bool, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self.figures: dict[int, DeepFigures] = {}
        self.every_tick = every_tick
        self._due: dict[int, float] = {}

    def end(self, partition: int) -> None:
        """It is another's now."""
        self.figures.pop(partition, None)
        self._due.pop(partition, None)

    async def refresh(self, partition: int, engine: PartitionEngine, still: Callable[[], bool]) -> None:
        """Compute them if it is time to. ``still``: whether the partition is owned when that is done."""
        if not self.every_tick and self._seconds() < self._due.get(partition, 0.0):
            return
        job = deep_job(engine)
        if job is None:
            return
        begun = self._seconds()
        figures = await asyncio.to_thread(job)
        if still():
            self.figures[partition] = figures
            took = self._seconds() - begun
            self._due[partition] = self._seconds() + max(LEAST_SECONDS, took / _MOST * len(self.figures))
