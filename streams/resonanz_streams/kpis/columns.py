"""The shapes that many KPIs have: a count with its interval, a count over an exposure, a share of a whole."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.intervals import poisson_interval, wilson_interval
from resonanz_streams.kpis.base import POST, REASONS, Column, Floats, Inputs, Ints, Place
from resonanz_streams.net.periods import Period, periods
from resonanz_streams.net.posts import posts
from resonanz_streams.net.table import NetTable
from resonanz_streams.net.topics import OTHER, NamedCounts

(
    NONE,
    NO_FOLLOWERS,
    NO_POTENTIAL,
    NOT_COVERED,
    NEGATIVE,
    NO_INTERACTIONS,
    NO_POSTS,
    NO_COMMENTS,
    NO_TARGET_LIST,
    SLA_NOT_PASSED,
    SLA_TOO_LONG,
    MEMBERSHIP_UNKNOWN,
    TOO_FEW_ANSWERED,
    NONE_WAITING,
    NO_BRANDS,
    NO_BUSINESS_HOURS,
    NOT_MERGEABLE,
    NO_REACH,
    NO_IMPRESSIONS,
    TOO_FEW_POSTS,
    NO_COMMENTS_ELSEWHERE,
    TOPICS_TOO_SMALL,
    TOO_FEW_DAYS,
    COHORT_TOO_SMALL,
    NOT_SHARED,
    BEYOND_HORIZON,
) = range(len(REASONS))
Flags = NDArray[np.bool_]
Reasons = NDArray[np.uint8]


def why(reason: int, inputs: Inputs, window: str) -> Reasons:
    """This reason, but ``not_covered`` where nobody watched: there, nothing can be said to be missing."""
    return np.where(inputs.coverage[window] > 0, reason, NOT_COVERED).astype(np.uint8)


def net_of(inputs: Inputs) -> NetTable:
    """What stands, which the inputs of a deep KPI always hold."""
    assert inputs.net is not None  # noqa: S101  # see evaluation
    return inputs.net


def covered(inputs: Inputs, place: Place, begin_ms: Ints, end_ms: Ints) -> Floats:
    """Of each account the share of (begin, end] that was watched; see :class:`Inputs`."""
    assert inputs.covered is not None  # noqa: S101  # see evaluation
    return inputs.covered(place, begin_ms, end_ms)


def in_periods(inputs: Inputs, kpi: str, window: str) -> Iterator[tuple[Period, Floats]]:
    """The periods of each account's calendar, and which share of them was watched."""
    for period in net_of(inputs).once(periods, tuple(inputs.clients.zones)):
        yield period, covered(inputs, (kpi, window, period.name), period.after_ms, period.until_ms)


def of_period(column: Column, period: Period, watched: Floats) -> Column:
    """The same beside the period's own coverage; null, and none of it covered, where that begins before what
    stands is known."""
    null = ~period.known
    return Column(
        column.part,
        np.where(null, np.nan, column.value),
        np.where(null, np.nan, column.lo),
        np.where(null, np.nan, column.hi),
        np.where(null, np.nan, column.numerator),
        np.where(null, np.nan, column.denominator),
        np.where(null, BEYOND_HORIZON, column.reason).astype(np.uint8),
        coverage=np.where(null, 0.0, watched),
    )


def count_column(part: str | None, counts: Ints, covered: Flags) -> Column:
    """A count; the interval is Garwood's.

    Null (``not_covered``) where nothing of the window was watched and nothing arrived either: that is
    no zero. What did arrive is shown even so, its coverage beside it. A negative net count, which
    falling totals can give, has a value but no interval.
    """
    lo, hi = poisson_interval(counts)
    absent = ~covered & (counts == 0)
    value = np.where(absent, np.nan, counts)
    reason = np.where(absent, NOT_COVERED, np.where(counts < 0, NEGATIVE, NONE)).astype(np.uint8)
    none = np.full(len(counts), np.nan)
    return Column(
        part, value, np.where(absent, np.nan, lo), np.where(absent, np.nan, hi), value, none, reason
    )


def rate_column(
    counts: Ints,
    exposure: Floats,
    per: float,
    covered: Flags,
    *,
    missing: int | Reasons,
    part: str | None = None,
) -> Column:
    """``per`` · count / exposure with Garwood's interval; null with reason ``missing`` where the exposure is.

    An exposure of 0 or NaN is missing: the rate is absent, never 0.
    """
    whole = count_column(part, counts, covered)
    known = exposure > 0
    usable = np.where(known, exposure, np.nan)
    reason = np.where(known, whole.reason, missing).astype(np.uint8)
    return Column(
        part,
        per * whole.value / usable,
        per * whole.lo / usable,
        per * whole.hi / usable,
        whole.numerator,
        usable,
        reason,
    )


def share_column(part: str | None, chosen: Floats, whole: Floats, *, missing: int | Reasons) -> Column:
    """chosen / whole with Wilson's interval; null with reason ``missing`` where the whole is 0.

    Falling totals can make a whole or a part negative: then there is a reason and no share.
    """
    negative = (chosen < 0) | (whole < 0) | (chosen > whole)
    usable = np.where((whole > 0) & ~negative, whole, np.nan)
    numerator = np.where(np.isnan(usable), np.nan, chosen)
    lo, hi = wilson_interval(numerator, usable)
    reason = np.where(negative, NEGATIVE, np.where(whole > 0, NONE, missing)).astype(np.uint8)
    return Column(part, numerator / usable, lo, hi, numerator, usable, reason)


def absent_column(part: str | None, accounts: int, reason: Reasons | np.uint8) -> Column:
    """No value anywhere, for this reason."""
    none = np.full(accounts, np.nan)
    return Column(part, none, none, none, none, none, np.full(accounts, reason, dtype=np.uint8))


def at_rows(column: Column, rows: Ints, parts: Sequence[str]) -> Column:
    """The same, as parts of these accounts."""
    return Column(
        None,
        column.value,
        column.lo,
        column.hi,
        column.numerator,
        column.denominator,
        column.reason,
        rows,
        parts,
    )


def per_post(kind: int) -> Callable[[Inputs, str], Sequence[Column]]:
    """A KPI's function: net interactions of a kind over the own posts published in the window, as A. Kaushik
    named them: applause, conversation, amplification.

    Garwood's interval over the number of posts. Absent without posts.
    """

    def compute(inputs: Inputs, window: str) -> Sequence[Column]:
        counts, covered = inputs.counts[window], inputs.coverage[window] > 0
        published, missing = counts[:, POST].astype(float), why(NO_POSTS, inputs, window)
        return [rate_column(counts[:, kind], published, 1.0, covered, missing=missing)]

    return compute


def top_shares(
    prefix: str, found: NamedCounts, together: Floats, whole: Floats, *, missing: int | Reasons
) -> Sequence[Column]:
    """Parts ``prefix:…`` of each account's ten largest, and ``prefix:other``: the rest of ``together``."""
    top = found.top()
    rows = found.accounts[top]
    named = share_column(None, found.counts[top], whole[rows], missing=NO_INTERACTIONS)
    return [
        at_rows(named, rows, [f"{prefix}:{found.names[place]}" for place in top.tolist()]),
        share_column(f"{prefix}:{OTHER}", found.rest(together, top), whole, missing=missing),
    ]


def per_told(
    told: Callable[[NetTable], Floats], kinds: Sequence[int], missing: int
) -> Callable[[Inputs, str], Sequence[Column]]:
    """A KPI's function: per 1,000, the window's net interactions of these kinds on the own posts published in
    it, over what platforms have told of the same posts. ``missing``: why it is null if they have of none.

    Garwood's interval over the sum of what was told.
    """

    def compute(inputs: Inputs, window: str) -> Sequence[Column]:
        table, start_ms = net_of(inputs), inputs.start_ms(window)
        own = table.once(posts)
        published = own.at_ms > start_ms
        figures = told(table)[own.rows]
        usable = published & ~np.isnan(figures)
        rows = own.interactions
        counted = usable[own.of] & (table.at_ms[rows] > start_ms) & np.isin(table.kinds[rows], kinds)
        counts = np.zeros(table.size, dtype=np.int64)
        np.add.at(counts, table.accounts[rows][counted], table.weights[rows][counted])
        exposure = np.zeros(table.size)
        np.add.at(exposure, own.accounts[usable], figures[usable])
        any_post = np.bincount(own.accounts[published], minlength=table.size) > 0
        null = np.where(any_post, missing, why(NO_POSTS, inputs, window)).astype(np.uint8)
        covered = inputs.coverage[window] > 0
        return [rate_column(counts, exposure, 1000.0, covered, missing=null)]

    return compute
