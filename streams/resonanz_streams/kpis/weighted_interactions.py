"""Net interactions by the effort that they take; unless the client weighs otherwise 1·L + 2·C + 3·S."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from resonanz_streams.kpis.base import INTERACTIONS, WINDOWS, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import count_column


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """A weighted sum is no Poisson count: no interval. ``numerator``: the sum, ``denominator``: what it is
    the sum of, interactions."""
    counts = inputs.counts[window][:, INTERACTIONS]
    whole = count_column(None, counts.sum(axis=1), inputs.coverage[window] > 0)
    # Kind by kind: the order of a sum of fractions must not depend on how many accounts there are.
    likes, comments, shares = (counts * inputs.clients.weights).T
    value = np.where(np.isnan(whole.value), np.nan, likes + comments + shares)
    none = np.full(len(value), np.nan)
    return [replace(whole, value=value, lo=none, hi=none, numerator=value, denominator=whole.value)]


def formula(weights: Sequence[float]) -> str:
    """With these weights of a like, a comment and a share."""
    likes, comments, shares = (f"{weight:.15g}" for weight in weights)
    return f"{likes}·L + {comments}·C + {shares}·S"


KPI = Kpi(
    id="weighted_interactions",
    unit="",
    help="Net interactions by weight: a like 1, a comment 2, a share 3, or as the client says.",
    windows=WINDOWS,
    compute=compute,
    authentic=True,
    group="engagement",
    formula=formula((1, 2, 3)),
    numerator="the weighted sum",
    denominator="interactions that it is the sum of",
    shape="total",
    merge="sum",
    within_client=True,
)
