"""Runs the KPIs over the accounts of a partition."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from resonanz_streams.authentic import authentic_columns
from resonanz_streams.catalogue import known_kpis
from resonanz_streams.kpis.base import WINDOWS, Column, Inputs, Kpi

log = logging.getLogger(__name__)

Compute = Callable[[Kpi, Inputs, str], Sequence[Column]]
"""Gives the columns of a KPI over a window."""


def plainly(kpi: Kpi, inputs: Inputs, window: str) -> Sequence[Column]:
    """As the KPI computes them; what it raises comes out."""
    return kpi.compute(inputs, window)


class KpiFailures:
    """Computes KPIs for those who must go on: one that raises is left out, counted, and logged once.

    ``counts``: per KPI how often that happened.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def columns(self, kpi: Kpi, inputs: Inputs, window: str) -> Sequence[Column]:
        """None of a KPI that raises."""
        try:
            return kpi.compute(inputs, window)
        except Exception as error:  # whatever it is, it is this KPI's
            if kpi.id not in self.counts:
                log.error(  # noqa: TRY400  # the traceback goes to those who ask for it
                    "KPI %s cannot be computed and is left out (%s over %s: %s); all others go on",
                    *(kpi.id, type(error).__name__, window, error),
                )
                log.debug("what failed", exc_info=True)
            self.counts[kpi.id] += 1
            return ()


def evaluate(
    inputs: Inputs,
    kpis: Sequence[Kpi] | None = None,
    windows: Sequence[str] = WINDOWS,
    *,
    compute: Compute = plainly,
) -> Iterator[tuple[Kpi, str, Column]]:
    """Every column of ``kpis`` over those of ``windows`` that a KPI has, in a stable order; by default of the
    KPIs that the inputs want.

    Deep KPIs, and the authentic parts of others, are left out unless the inputs hold what stands.
    """
    for kpi in wanted(inputs) if kpis is None else kpis:
        if kpi.deep and inputs.net is None:
            continue
        for window in kpi.windows:
            if window in windows:
                for column in compute(kpi, inputs, window):
                    yield kpi, window, column
                for column in authentic_columns(inputs, kpi, window, compute):
                    yield kpi, window, column


def evaluate_deep(inputs: Inputs, compute: Compute) -> Iterator[tuple[Kpi, str, Column]]:
    """Of the KPIs that the inputs want, what only those can say that hold what stands."""
    for kpi in wanted(inputs):
        if kpi.deep:
            yield from evaluate(inputs, [kpi], compute=compute)
            continue
        for window in kpi.windows:
            for column in authentic_columns(inputs, kpi, window, compute):
                yield kpi, window, column


def wanted(inputs: Inputs) -> Sequence[Kpi]:
    """The KPIs that the inputs want."""
    return known_kpis() if inputs.kpis is None else inputs.kpis
