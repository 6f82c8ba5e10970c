"""Interactions a minute over the window's real length, and the busiest five minutes of the day."""

from collections.abc import Sequence

import numpy as np

from resonanz_streams.kpis.base import REMOVED, WINDOWS, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import NONE, rate_column


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """I per minute; part ``peak`` (24 h only) is the busiest 5 min bucket, in interactions a minute."""
    counts = inputs.counts[window][:, :REMOVED].sum(axis=1)
    minutes = np.full(len(counts), inputs.length_ms[window] / 60_000)
    columns = [rate_column(counts, minutes, 1.0, inputs.coverage[window] > 0, missing=NONE)]
    if window == "24h":
        peak = inputs.peak_per_minute()
        null = np.full(len(peak), np.nan)
        five = np.full(len(peak), 5.0)
        columns.append(Column("peak", peak, null, null, peak * 5, five, np.zeros(len(peak), np.uint8)))
    return columns


KPI = Kpi(
    id="velocity",
    unit="per_minute",
    help="Net interactions per minute.",
    windows=WINDOWS,
    compute=compute,
)
