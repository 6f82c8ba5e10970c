"""The deep KPIs of a partition, computed from all that stands; pure of broker and clock."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.authentic import is_authentic
from resonanz_streams.coverage import packed
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.evaluation import Compute, evaluate_deep, plainly, wanted
from resonanz_streams.events import Actors, KpiEntry
from resonanz_streams.kpis.base import REASONS, Column, Inputs, Kpi
from resonanz_streams.net.actors import actors

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
        """With the columns of these only."""
        chosen_ones = [one for one in self.columns if (one[0].id, one[1]) in chosen]
        return replace(self, columns=chosen_ones)

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
        wholes = {label[:2] for label in labels if label[2] is None}
        spoken = [label[2] is not None and label[:2] in wholes for label in labels]
        return Arranged(labels, spoken, numbers, codes, self._ragged())

    def _ragged(self) -> "Mapping[int, Sequence[_Part]]":
        parts: dict[int, list[_Part]] = {}
        for kpi, window, column in self.columns:
            if column.rows is None:
                continue
            values = np.stack((*_numbers(column), column.covered(self.coverage, window)), axis=1)
            # A value, or a numerator without one.
            told = ~(np.isnan(column.value) & np.isnan(column.numerator))
            lines = zip(column.rows.tolist(), column.parts, values, column.reason.tolist(), strict=True)
            for (row, part, of_part, code), tells in zip(lines, told.tolist(), strict=True):
                if tells or is_authentic(part):
                    parts.setdefault(row, []).append(((kpi.id, window, part), of_part, code))
        return parts


_Part = tuple[tuple[str, str, str | None], NDArray[np.float64], int]


@dataclass(frozen=True, slots=True)
class Arranged:
    """``numbers``: (accounts, labels, 6), as a KpiEntry has them; ``codes``: of the reasons.

    ``spoken``: whether a whole says why the value is null, if it is. ``ragged``: label, numbers and code of
    parts that only some accounts have.
    """

    labels: Sequence[tuple[str, str, str | None]]
    spoken: Sequence[bool]
    numbers: NDArray[np.float64]
    codes: NDArray[np.uint8]
    ragged: Mapping[int, Sequence[_Part]]

    def entries(self, row: int) -> list[KpiEntry]:
        """Of one account. A part that is null is left out where the whole says why. A part that only some
        accounts have, such as a post, stays if it has a numerator, and an authentic one stays always: where
        that is left out, it is the same as the whole."""
        numbers, codes = self.numbers[row].tolist(), self.codes[row].tolist()
        of_dense = zip(self.labels, self.spoken, numbers, codes, strict=True)
        return [
            _entry(label, of_label, code)
            for label, spoken, of_label, code in of_dense
            if not spoken or of_label[0] == of_label[0]  # not NaN
        ] + [_entry(label, numbers.tolist(), code) for label, numbers, code in self.ragged.get(row, ())]

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
