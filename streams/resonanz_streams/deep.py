"""The deep KPIs of a partition, computed from all that stands; pure of broker and clock."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.authentic import is_authentic
from resonanz_streams.coverage import packed
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.evaluation import Compute, evaluate_deep, plainly, wanted
from resonanz_streams.events import Actors, KpiEntry
from resonanz_streams.kpis.base import EMPTY, REASONS, Column, Inputs, Kpi
from resonanz_streams.net.actors import actors

_EMPTY: Final = [REASONS.index(reason) for reason in sorted(EMPTY)]

OfWindow = tuple[str, str]
"""The id of a KPI, and a window."""


@dataclass(frozen=True, slots=True)
class DeepFigures:
    """As of ``at_ms``, from the log up to the offsets ``read``. ``coverage``: per window and account;
    ``actors``: the people behind them, per row that is told some and window; ``days``: of windows that are
    compared with earlier days, which of these were watched, packed.
    """

    at_ms: int
    read: Mapping[str, int]
    coverage: Mapping[str, NDArray[np.float64]]
    columns: Sequence[tuple[Kpi, str, Column]]
    actors: Mapping[int, Mapping[str, Actors]] = field(default_factory=dict)
    days: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    def of(self, kpi: str, window: str) -> Sequence[Column]:
        """The columns of one KPI over one window."""
        return [column for known, of_window, column in self.columns if (known.id, of_window) == (kpi, window)]

    def only(self, chosen: Collection[OfWindow]) -> "DeepFigures":
        """These of them, without people."""
        chosen_ones = [one for one in self.columns if (one[0].id, one[1]) in chosen]
        return replace(self, columns=chosen_ones, actors={})

    def arranged(self) -> "Arranged":
        """By account."""
        dense = [one for one in self.columns if one[2].rows is None]
        accounts = max((len(share) for share in self.coverage.values()), default=0)
        numbers = np.empty((accounts, len(dense), 6))
        codes = np.zeros((accounts, len(dense)), dtype=np.uint8)
        for place, (_, window, column) in enumerate(dense):
            for number, values in enumerate((*_numbers(column), column.covered(self.coverage, window))):
                numbers[:, place, number] = values
            codes[:, place] = column.reason
        labels = [(kpi.id, window, column.part) for kpi, window, column in dense]
        return Arranged(labels, self._unsaid(dense), numbers, codes, self._ragged())

    def _unsaid(self, dense: Sequence[tuple[Kpi, str, Column]]) -> NDArray[np.bool_]:
        """(accounts, dense columns): what is null, and what stands beside it says why."""
        accounts = max((len(share) for share in self.coverage.values()), default=0)
        unsaid = np.zeros((accounts, len(dense)), dtype=np.bool_)
        wholes = self._wholes()
        before: dict[OfWindow, Column] = {}
        for place, (kpi, window, column) in enumerate(dense):
            whole = wholes.get((kpi.id, window))
            if column.part is None or whole is None:
                continue
            said = _says(whole, column)
            if kpi.merge_parts.get(column.part, kpi.merge) is None:
                # Of what accounts have together, a part that is not told would count as 0.
                last = before.get((kpi.id, window), whole)
                said |= np.isnan(whole.value) | (np.isnan(last.value) & (last.reason == column.reason))
                before[kpi.id, window] = column
            unsaid[:, place] = np.isnan(column.value) & said
        return unsaid

    def _wholes(self) -> Mapping[OfWindow, Column]:
        return {(kpi.id, window): one for kpi, window, one in self.columns if one.rows is None is one.part}

    def _ragged(self) -> "Mapping[int, Sequence[_Part]]":
        parts: dict[int, list[_Part]] = {}
        wholes = self._wholes()
        for kpi, window, column in self.columns:
            if column.rows is None:
                continue
            values = np.stack((*_numbers(column), column.covered(self.coverage, window)), axis=1)
            # A value, or a numerator without one, or a reason of its own.
            told = ~(np.isnan(column.value) & np.isnan(column.numerator))
            whole = wholes.get((kpi.id, window))
            if whole is None:
                told[:] = True
            else:
                told |= ~np.isnan(whole.value[column.rows]) | (whole.reason[column.rows] != column.reason)
            lines = zip(column.rows.tolist(), column.parts, values, column.reason.tolist(), strict=True)
            for (row, part, of_part, code), tells in zip(lines, told.tolist(), strict=True):
                if tells or is_authentic(part):
                    parts.setdefault(row, []).append(((kpi.id, window, part), of_part, code))
        return parts


_Part = tuple[tuple[str, str, str | None], NDArray[np.float64], int]


@dataclass(frozen=True, slots=True)
class Arranged:
    """``numbers``: (accounts, labels, 6), as a KpiEntry has them; ``codes``: of the reasons.

    ``unsaid``: (accounts, labels), what is left out. ``ragged``: label, numbers and code of
    parts that only some accounts have.
    """

    labels: Sequence[tuple[str, str, str | None]]
    unsaid: NDArray[np.bool_]
    numbers: NDArray[np.float64]
    codes: NDArray[np.uint8]
    ragged: Mapping[int, Sequence[_Part]]

    def entries(self, row: int) -> list[KpiEntry]:
        """Of one account. A part that is null is left out where the whole says why; of what is never added up
        over accounts also where the whole is null for another reason, or the part before it for the same. A
        part that only some accounts have, such as a post, stays if it has a numerator, and an authentic one
        stays always: where that is left out, it is the same as the whole."""
        numbers, codes = self.numbers[row].tolist(), self.codes[row].tolist()
        of_dense = zip(self.labels, self.unsaid[row].tolist(), numbers, codes, strict=True)
        return [_entry(label, of_label, code) for label, unsaid, of_label, code in of_dense if not unsaid] + [
            _entry(label, numbers.tolist(), code) for label, numbers, code in self.ragged.get(row, ())
        ]

    def mark(self, row: int) -> int:
        """Another one if the entries are others; of coverage, which moves all the time, hundredths count."""
        dense = self.numbers[row]
        return hash(
            (
                dense[:, :5].tobytes(),
                np.round(dense[:, 5], 2).tobytes(),
                self.codes[row].tobytes(),
                *((label, numbers[:5].tobytes(), code) for label, numbers, code in self.ragged.get(row, ())),
            )
        )


def _says(whole: Column, part: Column) -> NDArray[np.bool_]:
    """Whether the whole is null for the same reason, or says as well that there is nothing."""
    null, nothing = np.isnan(whole.value), (whole.value == 0) & (whole.denominator == 0)
    both = np.isin(part.reason, _EMPTY) & ((null & np.isin(whole.reason, _EMPTY)) | nothing)
    said: NDArray[np.bool_] = (null & (whole.reason == part.reason)) | both
    return said


def _entry(label: tuple[str, str, str | None], numbers: Sequence[float], code: int) -> KpiEntry:
    value, lo, hi, numerator, denominator, coverage = numbers
    reason = REASONS[code] or None
    return KpiEntry(*label, value, lo, hi, numerator, denominator, coverage, reason)


def _numbers(column: Column) -> tuple[NDArray[np.float64], ...]:
    return column.value, column.lo, column.hi, column.numerator, column.denominator


def deep_figures(inputs: Inputs, read: Mapping[str, int], compute: Compute = plainly) -> DeepFigures:
    """The deep KPIs and authentic parts that these inputs want; they hold what stands."""
    deep = [kpi for kpi in wanted(inputs) if kpi.deep]
    united = any(kpi.merge in {"people", "targets"} for kpi in deep)
    people = actors(inputs) if united else {}
    days = {}
    if inputs.days is not None:
        days = {window: inputs.days(window) for kpi in deep if kpi.daily for window in kpi.windows}
    columns = list(evaluate_deep(replace(inputs, days=days.__getitem__), compute))
    told = {window: packed(flags) for window, flags in days.items()}
    return DeepFigures(inputs.now_ms, read, inputs.coverage, columns, people, told)


def deep_job(engine: PartitionEngine, compute: Compute = plainly) -> Callable[[], DeepFigures] | None:
    """A function that computes them as of now, in any thread; None if none are wanted, or before the engine
    knows the time."""
    if engine.facets is None:
        return None
    engine.settle()
    inputs = engine.inputs()
    if inputs is None:
        return None
    table, read = engine.net(), dict(engine.offsets)
    return lambda: deep_figures(replace(inputs, net=table()), read, compute)
