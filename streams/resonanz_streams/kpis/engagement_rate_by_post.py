"""Interactions on a post per 1,000 who followed when it was published, the mean over posts."""

from collections.abc import Sequence

import numpy as np
from scipy import special

from resonanz_streams.intervals import ALPHA
from resonanz_streams.kpis.base import DEEP_WINDOWS, Column, Floats, Inputs, Kpi
from resonanz_streams.kpis.columns import NEGATIVE, NO_FOLLOWERS, NO_POSTS, NONE, NOT_COVERED, net_of, why
from resonanz_streams.net.posts import posts


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """Basis ``by_post``: of the own posts published in the window, 1000 · mean of I_p / F_p; I_p are all net
    interactions on the post so far, F_p the followers when it was published. Posts without a known F_p are
    left out. ``numerator``: the sum of the rates per follower, ``denominator``: posts.

    The interval is that of a weighted sum of Poisson counts; with equal followers it is Garwood's. There is
    none where falling totals made a post's count negative.
    """
    table = net_of(inputs)
    own = table.once(posts)
    assert inputs.followers_at is not None  # noqa: S101  # stands beside the table
    followers = inputs.followers_at(own.accounts, own.at_ms)
    counts = np.zeros(len(own.accounts), dtype=np.int64)
    np.add.at(counts, own.of, table.weights[own.interactions])
    recent = own.at_ms > inputs.start_ms(window)
    usable = recent & (followers > 0)
    accounts, exposure = own.accounts[usable], followers[usable]
    many = np.bincount(accounts, minlength=table.size).astype(np.float64)
    published = np.bincount(own.accounts[recent], minlength=table.size)
    weight = 1 / (exposure * many[accounts])
    rate, variance, largest, negative = (np.zeros(table.size) for _ in range(4))
    np.add.at(rate, accounts, counts[usable] * weight)
    np.add.at(variance, accounts, counts[usable] * weight**2)
    np.maximum.at(largest, accounts, weight)
    np.maximum.at(negative, accounts, counts[usable] < 0)
    lo, hi = weighted_poisson_interval(rate, variance, largest)
    known = (many > 0) & ((inputs.coverage[window] > 0) | (rate != 0))
    sure = known & (negative == 0)
    no_rate = np.where(published > 0, NO_FOLLOWERS, why(NO_POSTS, inputs, window))
    missing = np.where(many > 0, NOT_COVERED, no_rate)
    return [
        Column(
            None,
            np.where(known, 1000 * rate, np.nan),
            np.where(sure, 1000 * lo, np.nan),
            np.where(sure, 1000 * hi, np.nan),
            np.where(known, rate * many, np.nan),
            np.where(known, many, np.nan),
            np.where(sure, NONE, np.where(known, NEGATIVE, missing)).astype(np.uint8),
        )
    ]


def weighted_poisson_interval(rate: Floats, variance: Floats, largest: Floats) -> tuple[Floats, Floats]:
    """95 % interval of Σ w·λ from Σ w·n, Σ w²·n and the largest weight, of counts n ≥ 0; NaN of none.

    Source: M. P. Fay, E. J. Feuer, Confidence Intervals for Directly Standardized Rates: a Method Based on
    the Gamma Distribution, Statistics in Medicine 16 (1997).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        shape = rate**2 / variance
        lo = special.gammaincinv(shape, ALPHA / 2) * variance / rate
        upper = (rate + largest) ** 2 / (variance + largest**2)
        hi = special.gammaincinv(upper, 1 - ALPHA / 2) * (variance + largest**2) / (rate + largest)
    return np.where((rate > 0) | np.isnan(hi), lo, 0.0), hi


KPI = Kpi(
    id="engagement_rate_by_post",
    unit="per_1000",
    help="Interactions per post and 1,000 followers at its publication, mean over the posts published.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    from_audience=True,
    authentic=True,
    group="engagement",
    formula="1000 · mean of I_p / F_p over the own posts p published in the window",
    numerator="the sum over posts of net interactions / followers at publication",
    denominator="own posts",
    interval="Fay–Feuer",
    merge="mean",
)
