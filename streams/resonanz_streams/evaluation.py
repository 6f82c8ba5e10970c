"""Runs the KPIs over the accounts of a partition."""

from collections.abc import Iterator, Sequence

from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import WINDOWS, Column, Inputs, Kpi


def evaluate(
    inputs: Inputs, kpis: Sequence[Kpi] = KPIS, windows: Sequence[str] = WINDOWS
) -> Iterator[tuple[Kpi, str, Column]]:
    """Every column of ``kpis`` over those of ``windows`` that a KPI has, in a stable order."""
    for kpi in kpis:
        for window in kpi.windows:
            if window in windows:
                for column in kpi.compute(inputs, window):
                    yield kpi, window, column
