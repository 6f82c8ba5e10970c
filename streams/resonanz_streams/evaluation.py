"""Runs the KPIs over the accounts of a partition."""

from collections.abc import Iterator, Sequence

from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import WINDOWS, Column, Inputs, Kpi


def evaluate(
    inputs: Inputs, kpis: Sequence[Kpi] | None = None, windows: Sequence[str] = WINDOWS
) -> Iterator[tuple[Kpi, str, Column]]:
    """Every column of ``kpis`` over those of ``windows`` that a KPI has, in a stable order; by default of the
    KPIs that the inputs want.

    Deep KPIs are left out unless the inputs hold what stands.
    """
    wanted = KPIS if inputs.kpis is None else inputs.kpis
    for kpi in wanted if kpis is None else kpis:
        if kpi.deep and inputs.net is None:
            continue
        for window in kpi.windows:
            if window in windows:
                for column in kpi.compute(inputs, window):
                    yield kpi, window, column
