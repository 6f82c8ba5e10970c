"""Interactions a minute over the window's real length, and the busiest five minutes of the day."""

from collections.abc import Sequence

import numpy as np

from resonanz_streams.kpis.base import INTERACTIONS, WINDOWS, Column, Floats, Inputs, Kpi
from resonanz_streams.kpis.columns import NONE, NOT_COVERED, Flags, rate_column


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """I per minute; part ``peak`` (24 h only) is the busiest 5 min bucket, in interactions a minute.

    The greatest of many counts is no Poisson count: it has no interval.
    """
    counts = inputs.counts[window][:, INTERACTIONS].sum(axis=1)
    minutes = np.full(len(counts), inputs.length_ms[window] / 60_000)
    covered = inputs.coverage[window] > 0
    columns = [rate_column(counts, minutes, 1.0, covered, missing=NONE)]
    if window == "24h":
        columns.append(_peak(inputs.peak_per_minute(), covered))
    return columns


def _peak(busiest: Floats, covered: Flags) -> Column:
    absent = ~covered & (busiest == 0)
    peak = np.where(absent, np.nan, busiest)
    null = np.full(len(peak), np.nan)
    reason = np.where(absent, NOT_COVERED, NONE).astype(np.uint8)
    return Column("peak", peak, null, null, peak * 5, np.full(len(peak), 5.0), reason)


KPI = Kpi(
    id="velocity",
    unit="per_minute",
    help="Net interactions per minute.",
    windows=WINDOWS,
    compute=compute,
    most_parts=2,
    authentic=True,
    group="engagement",
    formula="I / minutes of the window",
    numerator="net interactions",
    denominator="minutes",
    interval="Garwood",
    parts={"peak": "the busiest five minutes of the day"},
    merge="time",
    merge_parts={"peak": None},
)
