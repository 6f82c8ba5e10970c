"""How a post does beside the account's posts before it, at the same age."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from resonanz_streams.intervals import poisson_interval
from resonanz_streams.kpis.base import DEEP_WINDOWS, Column, Floats, Inputs, Ints, Kpi
from resonanz_streams.kpis.columns import (
    NEGATIVE,
    NO_INTERACTIONS,
    NO_POSTS,
    NONE,
    NOT_COVERED,
    TOO_FEW_POSTS,
    Reasons,
    net_of,
    why,
)
from resonanz_streams.kpis.reaction_time import grouped_quantile
from resonanz_streams.net.performance import FEWEST, Performance, performance
from resonanz_streams.net.posts import posts
from resonanz_streams.net_states import Flags, Places

TOP: Final = 10
"""Posts of an account that have a part of their own."""


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """Parts ``post:…`` of the ten own posts of the window with most interactions, of equal ones the first:
    interactions on the post at its age, over the mean of the middle half of what the last 100 before it had
    at that age. Garwood's interval, of the numerator alone. The whole: the median over all posts of the
    window that have a value; ``denominator``: how many these are.

    A post published in the window has all its interactions in it, so those at its age are the window's.
    """
    table = net_of(inputs)
    own, done = table.once(posts), table.once(performance)
    recent = np.flatnonzero(own.at_ms > inputs.start_ms(window))
    accounts, covered = own.accounts[recent], inputs.coverage[window] > 0
    count, usual = done.interactions[recent], done.usual[recent]
    reason = _reasons(done, recent, covered[accounts])
    known = (reason == NONE) | ((reason == NEGATIVE) & (usual > 0))
    usual = np.where(known, usual, np.nan)
    lo, hi = (bound / usual for bound in poisson_interval(count))
    value, sure = count / usual, reason == NONE
    top = _top(accounts, count)
    names = [table.facets[table.facet[row]].post for row in own.rows[recent[top]].tolist()]
    parts = Column(
        None,
        value[top],
        np.where(sure, lo, np.nan)[top],
        np.where(sure, hi, np.nan)[top],
        np.where(reason == NOT_COVERED, np.nan, count)[top],
        usual[top],
        reason[top],
        accounts[top],
        [f"post:{name}" for name in names],
    )
    return [_whole(accounts, value, reason, why(NO_POSTS, inputs, window)), parts]


def _reasons(done: Performance, recent: Places, covered: Flags) -> Reasons:
    """Of each of these posts; the last that holds is told."""
    count, usual, earlier = done.interactions[recent], done.usual[recent], done.earlier[recent]
    reason = np.full(len(recent), NONE, dtype=np.uint8)
    for holds, code in (
        ((count < 0) | (usual < 0), NEGATIVE),
        (usual == 0, NO_INTERACTIONS),
        (earlier < FEWEST, TOO_FEW_POSTS),
        (~covered & (count == 0), NOT_COVERED),
    ):
        reason[holds] = code
    return reason


def _top(accounts: Ints, count: Ints) -> Places:
    """The places of each account's posts with most interactions; they come in order of time."""
    order = np.lexsort((-count, accounts))
    rank = np.arange(len(order)) - np.searchsorted(accounts[order], accounts[order])
    return order[rank < TOP]


def _whole(accounts: Ints, value: Floats, reason: Reasons, missing: Reasons) -> Column:
    """The median of each account's values; without one, why its newest post has none."""
    known = ~np.isnan(value)
    median, none = np.full(len(missing), np.nan), np.full(len(missing), np.nan)
    distinct, found = grouped_quantile(accounts[known], value[known], 0.5)
    median[distinct] = found
    many = np.bincount(accounts[known], minlength=len(missing)).astype(np.float64)
    null = missing.copy()
    null[accounts] = reason
    return Column(
        None,
        median,
        none,
        none,
        none,
        np.where(many > 0, many, np.nan),
        np.where(many > 0, NONE, null).astype(np.uint8),
    )


KPI = Kpi(
    id="over_performance",
    unit="ratio",
    help="Net interactions on own posts, over what the posts before them had at the same age.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    most_parts=11,
    api_only=True,
    group="engagement",
    formula="the median over the own posts p published in the window of I_p / the mean of the middle half "
    "of I_q",
    numerator="of a post: net interactions on it",
    denominator="own posts that have a value; of a post: the mean of the middle half of those before it",
    interval="Garwood",
    parts={
        "post:…": "net interactions on the post / the mean of the middle half of what the last 100 posts "
        "before it had at its age; of the ten with most",
    },
    shape="statistic",
)
