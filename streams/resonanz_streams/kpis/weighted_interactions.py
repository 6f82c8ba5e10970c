"""Net interactions, a comment worth more than a like and a share more than a comment: 1·L + 2·C + 3·S."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from resonanz_streams.kpis.base import COMMENT, INTERACTIONS, LIKE, SHARE, WINDOWS, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import count_column

WEIGHTS: Final = np.array([1, 2, 3], dtype=np.int64)
"""Of a like, a comment and a share."""


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """A weighted sum is no Poisson count: no interval. ``numerator``: the sum, ``denominator``: what it is
    the sum of, interactions."""
    counts = inputs.counts[window][:, INTERACTIONS]
    whole = count_column(None, counts.sum(axis=1), inputs.coverage[window] > 0)
    weighted = counts[:, LIKE] * WEIGHTS[0] + counts[:, COMMENT] * WEIGHTS[1] + counts[:, SHARE] * WEIGHTS[2]
    value = np.where(np.isnan(whole.value), np.nan, weighted)
    none = np.full(len(value), np.nan)
    return [replace(whole, value=value, lo=none, hi=none, numerator=value, denominator=whole.value)]


KPI = Kpi(
    id="weighted_interactions",
    unit="",
    help="Net interactions, a like counted once, a comment twice, a share three times.",
    windows=WINDOWS,
    compute=compute,
    group="engagement",
    formula="1·L + 2·C + 3·S",
    numerator="the weighted sum",
    denominator="interactions that it is the sum of",
    shape="total",
    merge="sum",
)
