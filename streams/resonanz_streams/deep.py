"""The deep KPIs of a partition, computed in a thread from all that stands, as often as there is time."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from resonanz_streams.catalogue import known_kpis
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.evaluation import Compute, evaluate, plainly
from resonanz_streams.events import KpiEntry
from resonanz_streams.kpis.base import REASONS, Column, Inputs, Kpi

log = logging.getLogger(__name__)

LEAST_SECONDS: Final = 15.0
"""Between two computations, measured from the end of the first."""

_TOGETHER: Final = 250
"""Accounts whose entries are made at the same time, and then encoded."""

_encoder: Final = msgspec.json.Encoder()
_MOST: Final = 0.05
"""Of the time at most, all partitions together; with very many events the figures are older instead."""


@dataclass(frozen=True, slots=True)
class DeepFigures:
    """As of ``at_ms``, from the log up to the offsets ``read``. ``coverage``: per window and account.

    ``encoded``: each account's entries as JSON, since they are told many times before the next figures come;
    empty where nobody tells them.
    """

    at_ms: int
    read: Mapping[str, int]
    coverage: Mapping[str, NDArray[np.float64]]
    columns: Sequence[tuple[Kpi, str, Column]]
    encoded: Sequence[Sequence[msgspec.Raw]] = ()

    def of(self, kpi: str, window: str) -> Sequence[Column]:
        """The columns of one KPI over one window."""
        return [column for known, of_window, column in self.columns if (known.id, of_window) == (kpi, window)]

    def entries(self, rows: NDArray[np.intp]) -> list[list[KpiEntry]]:
        """The entries of each of these accounts. A part that is null is left out: the whole says why."""
        return _arranged(self).entries(rows)


@dataclass(frozen=True, slots=True)
class _Arranged:
    """``numbers``: (accounts, labels, 6), as a KpiEntry has them; ``codes``: of the reasons.

    ``some``: entries of parts that only some accounts have.
    """

    labels: Sequence[tuple[str, str, str | None]]
    numbers: NDArray[np.float64]
    codes: NDArray[np.uint8]
    some: Mapping[int, Sequence[KpiEntry]]

    def entries(self, rows: NDArray[np.intp]) -> list[list[KpiEntry]]:
        """See DeepFigures."""
        numbers, codes = self.numbers[rows].tolist(), self.codes[rows].tolist()
        return [
            [
                _entry(label, of_label, code)
                for label, of_label, code in zip(self.labels, of_account, of_codes, strict=True)
                if label[2] is None or of_label[0] == of_label[0]  # not NaN
            ]
            + [entry for entry in self.some.get(row, ()) if entry.value == entry.value]
            for row, of_account, of_codes in zip(rows.tolist(), numbers, codes, strict=True)
        ]


def _arranged(figures: DeepFigures) -> _Arranged:
    dense = [one for one in figures.columns if one[2].rows is None]
    accounts = max((len(share) for share in figures.coverage.values()), default=0)
    numbers, codes = np.empty((accounts, len(dense), 6)), np.zeros((accounts, len(dense)), dtype=np.uint8)
    for place, (_, window, column) in enumerate(dense):
        for number, values in enumerate((*_numbers(column), figures.coverage[window])):
            numbers[:, place, number] = values
        codes[:, place] = column.reason
    some: dict[int, list[KpiEntry]] = {}
    for kpi, window, column in figures.columns:
        if column.rows is not None:
            values = np.stack((*_numbers(column), figures.coverage[window][column.rows]), axis=1).tolist()
            reasons = column.reason.tolist()
            lines = zip(column.rows.tolist(), column.parts, values, reasons, strict=True)
            for row, part, of_part, code in lines:
                some.setdefault(row, []).append(_entry((kpi.id, window, part), of_part, code))
    return _Arranged([(kpi.id, window, column.part) for kpi, window, column in dense], numbers, codes, some)


def _entry(label: tuple[str, str, str | None], numbers: Sequence[float], code: int) -> KpiEntry:
    value, lo, hi, numerator, denominator, coverage = numbers
    reason = REASONS[code] or None
    return KpiEntry(*label, value, lo, hi, numerator, denominator, coverage, reason)


def _numbers(column: Column) -> tuple[NDArray[np.float64], ...]:
    return column.value, column.lo, column.hi, column.numerator, column.denominator


def _encoded(figures: DeepFigures, accounts: int) -> Sequence[Sequence[msgspec.Raw]]:
    """What is null is the same for many accounts, and held once."""
    arranged, nulls = _arranged(figures), dict[bytes, msgspec.Raw]()

    def raw(entry: KpiEntry) -> msgspec.Raw:
        data = _encoder.encode(entry)
        return msgspec.Raw(data) if entry.value == entry.value else nulls.setdefault(data, msgspec.Raw(data))

    return [
        [raw(entry) for entry in entries]
        for start in range(0, accounts, _TOGETHER)
        for entries in arranged.entries(np.arange(start, min(start + _TOGETHER, accounts)))
    ]


def deep_figures(inputs: Inputs, read: Mapping[str, int], compute: Compute = plainly) -> DeepFigures:
    """The deep KPIs that these inputs want; they hold what stands."""
    wanted = [kpi for kpi in (known_kpis() if inputs.kpis is None else inputs.kpis) if kpi.deep]
    return DeepFigures(inputs.now_ms, read, inputs.coverage, list(evaluate(inputs, wanted, compute=compute)))


def deep_job(engine: PartitionEngine, compute: Compute = plainly) -> Callable[[], DeepFigures] | None:
    """A function that computes them as of now, in any thread; None if none are wanted, or before the engine
    knows the time."""
    if engine.facets is None:
        return None
    engine.settle()
    inputs = engine.inputs()
    if inputs is None:
        return None
    table, read, accounts = engine.net(), dict(engine.offsets), len(engine.accounts)

    def job() -> DeepFigures:
        figures = deep_figures(replace(inputs, net=table()), read, compute)
        # Here, where it may take its time.
        return replace(figures, encoded=_encoded(figures, accounts))

    return job


class DeepBook:
    """The newest figures of each partition. ``every_tick``: compute them whenever asked;
    ``compute``: each KPI."""

    def __init__(
        self,
        *,
        every_tick: bool,
        seconds: Callable[[], float] = time.monotonic,
        compute: Compute = plainly,
    ) -> None:
        self._compute = compute
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
        begun = self._seconds()
        figures = await self.computed(partition, engine)
        if figures is not None and still():
            self.keep(partition, figures, self._seconds() - begun)

    async def computed(self, partition: int, engine: PartitionEngine) -> DeepFigures | None:
        """As of now; None where none are wanted, or they cannot be computed, which the log says."""
        job = deep_job(engine, self._compute)
        if job is None:
            return None
        try:
            return await asyncio.to_thread(job)
        except Exception as error:  # counting goes on without: it has changed nothing there
            log.error(  # noqa: TRY400  # the traceback goes to those who ask for it
                "partition %d: KPIs of what stands cannot be computed (%s); counts go on",
                partition, type(error).__name__,
            )  # fmt: skip
            log.debug("what failed", exc_info=True)
            self.end(partition)
            self._due[partition] = self._seconds() + LEAST_SECONDS
            return None

    def keep(self, partition: int, figures: DeepFigures, took: float) -> None:
        """These are the partition's newest, and took so many seconds."""
        self.figures[partition] = figures
        self._due[partition] = self._seconds() + max(LEAST_SECONDS, took / _MOST * len(self.figures))
