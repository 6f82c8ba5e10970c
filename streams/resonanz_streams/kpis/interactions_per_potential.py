"""Interactions per 1,000 people the client could ever reach: 1000 · I / N."""

from collections.abc import Sequence

from resonanz_streams.kpis.base import INTERACTIONS, WINDOWS, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import NO_POTENTIAL, rate_column


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """N is the client's configured potential, the value valid now. Absent without one."""
    counts = inputs.counts[window][:, INTERACTIONS].sum(axis=1)
    covered = inputs.coverage[window] > 0
    return [rate_column(counts, inputs.potential, 1000.0, covered, missing=NO_POTENTIAL)]


KPI = Kpi(
    id="interactions_per_potential",
    unit="per_1000",
    help="Net interactions per 1,000 people of the client's potential.",
    windows=WINDOWS,
    compute=compute,
    authentic=True,
    group="potential",
    formula="1000 · I / N",
    numerator="net interactions",
    denominator="people whom the client could reach, its potential",
    interval="Garwood",
    merge="potential",
)
