"""Interactions per 1,000 followers: 1000 · I / F."""

from collections.abc import Sequence

from resonanz_streams.kpis.base import INTERACTIONS, WINDOWS, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import NO_FOLLOWERS, rate_column


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """F is the time-weighted mean over the part of the window in which followers are known.

    Absent without followers. Reference: 4 interactions on 300 followers are 13.3 (3.6 to 34.1).
    """
    counts = inputs.counts[window][:, INTERACTIONS].sum(axis=1)
    covered = inputs.coverage[window] > 0
    return [rate_column(counts, inputs.followers[window], 1000.0, covered, missing=NO_FOLLOWERS)]


KPI = Kpi(
    id="engagement_rate_by_followers",
    unit="per_1000",
    help="Net interactions per 1,000 followers.",
    windows=WINDOWS,
    compute=compute,
    from_audience=True,
    authentic=True,
    group="engagement",
    formula="1000 · I / F",
    numerator="net interactions",
    denominator="followers, the mean over the time in which they are known",
    interval="Garwood",
    merge="rate",
)
