"""What people suddenly talk about: how improbable a topic's interactions are by its earlier days."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import special

from resonanz_streams.coverage import EARLIER_DAYS
from resonanz_streams.kpis.base import Column, Floats, Inputs, Ints, Kpi
from resonanz_streams.kpis.columns import (
    NONE,
    TOO_FEW_DAYS,
    TOPICS_TOO_SMALL,
    Flags,
    Reasons,
    at_rows,
    net_of,
    why,
)
from resonanz_streams.net.topic_days import TopicDays, topic_days
from resonanz_streams.net.topics import TOP

LEAST_DAYS: Final = 7
_ANY: Final = slice(None)
_SAME_WEEKDAY: Final = slice(6, None, 7)
_SMALLEST: Final = 1e-300
"""Of a probability: below it there is hardly a number."""


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """−log₁₀ P(X ≥ x). x: interactions of the window on a topic, 5 or more, by 3 people or more; an item of
    several topics counts whole for each. X: what the same window of earlier days leads to expect.

    Of the 27 earlier days those count on which the account was watched; fewer than 7 say nothing. With s
    interactions on k days and Jeffreys' prior the rate has the posterior Gamma(s + 1/2, k), so X is negative
    binomial with mean (s + 1/2) / k, and P(X ≥ x) = I(1 / (k + 1); x, s + 1/2), the regularised incomplete
    beta function. The same is asked of the same weekday alone, and the less surprising answer holds: what
    comes every Saturday is no news. Sources: A. Gelman et al., Bayesian Data Analysis, 3rd ed. (2013),
    sections 2.6 and 2.8; NIST Digital Library of Mathematical Functions, 8.17.24.

    The whole: the most surprising topic; parts ``topic:…``: the ten most surprising, of equal ones the first
    by name; ``days``: k. ``numerator``: x, ``denominator``: the expectation.
    """
    assert inputs.days is not None  # noqa: S101  # it comes with what stands
    found, watched = topic_days(net_of(inputs), inputs.start_ms(window)), inputs.days(window)
    figures = _figures(found, watched[found.accounts])
    first, top = _ranked(found.accounts, figures[0])
    talked, rows = found.accounts[first], found.accounts[top]
    whole, days = np.full((3, len(watched)), np.nan), np.full(len(watched), np.nan)
    whole[:, talked], days[talked] = figures[:, first], watched[talked].sum(axis=1)
    too_small = why(TOPICS_TOO_SMALL, inputs, window)
    reason = too_small.copy()
    reason[talked] = TOO_FEW_DAYS
    all_days = np.where(np.isnan(days), np.nan, EARLIER_DAYS)
    of_topics = _column(None, figures[:, top], reason[rows])
    return [
        _column(None, whole, reason),
        _column("days", np.stack((days, days, all_days)), too_small),
        at_rows(of_topics, rows, [f"topic:{found.topics[place]}" for place in top.tolist()]),
    ]


def _figures(found: TopicDays, watched: Flags) -> Floats:
    """Of each topic the score, x and the expectation, shape (3, n); NaN where too few days were watched."""
    seen = np.where(watched, found.earlier, 0)
    (usual, mean), (on_weekday, weekday_mean) = (
        _tail(found.now, seen[:, days].sum(axis=1), watched[:, days].sum(axis=1))
        for days in (_ANY, _SAME_WEEKDAY)
    )
    # NaN, of no such day at all, is not greater.
    weekly = on_weekday > usual
    score = 0.0 - np.log10(np.maximum(np.where(weekly, on_weekday, usual), _SMALLEST))
    figures = np.stack((score, found.now, np.where(weekly, weekday_mean, mean))).astype(np.float64)
    figures[:, watched.sum(axis=1) < LEAST_DAYS] = np.nan
    return figures


def _tail(now: Ints, earlier: Ints, days: Ints) -> tuple[Floats, Floats]:
    """P(X ≥ now) and the mean of X; NaN of no days."""
    many = np.where(days > 0, days.astype(np.float64), np.nan)
    shape = earlier + 0.5
    chance: Floats = special.betainc(now.astype(np.float64), shape, 1 / (many + 1)).astype(np.float64)
    return chance, shape / many


def _ranked(accounts: Ints, score: Floats) -> tuple[Ints, Ints]:
    """The places of each account's greatest score, NaN if it has no other; and of its ten greatest."""
    # They come by name, and stay so among equals; what is null stands last.
    order = np.lexsort((np.nan_to_num(-score, nan=np.inf), accounts)).astype(np.int64)
    rank = np.arange(len(order)) - np.searchsorted(accounts, accounts)
    return order[rank == 0], np.sort(order[(rank < TOP) & ~np.isnan(score[order])])


def _column(part: str | None, figures: Floats, reason: Reasons) -> Column:
    """``figures``: value, numerator, denominator; ``reason``: why a value is null, where one is."""
    value, now, expected = figures
    none = np.full(len(value), np.nan)
    given = np.where(np.isnan(value), reason, NONE).astype(np.uint8)
    return Column(part, value, none, none, now, expected, given)


KPI = Kpi(
    id="trending",
    unit="",
    help="How surprising the most surprising topic is by its earlier days, in powers of ten.",
    windows=("1h", "24h"),
    compute=compute,
    deep=True,
    daily=True,
    most_parts=12,
    group="topics and venues",
    formula="−log₁₀ P(X ≥ x)",
    numerator="x, the interactions on the topic in the window (of days: how many there are)",
    denominator="the expectation (of days: 27)",
    parts={
        "topic:…": "the same of each of the ten most surprising topics",
        "days": "how many of the 27 days before were watched",
    },
    shape="statistic",
)
