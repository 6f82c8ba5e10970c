"""The two shapes that KPIs of counts have: a count with its interval, a count over an exposure."""

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.intervals import poisson_interval
from resonanz_streams.kpis.base import REASONS, Column, Floats, Ints

NONE, NO_FOLLOWERS, NO_POTENTIAL, NOT_COVERED, NEGATIVE = range(len(REASONS))
Flags = NDArray[np.bool_]


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


def rate_column(counts: Ints, exposure: Floats, per: float, covered: Flags, *, missing: int) -> Column:
    """``per`` · count / exposure with Garwood's interval; null with reason ``missing`` where the exposure is.

    An exposure of 0 or NaN is missing: the rate is absent, never 0.
    """
    whole = count_column(None, counts, covered)
    known = exposure > 0
    usable = np.where(known, exposure, np.nan)
    reason = np.where(known, whole.reason, missing).astype(np.uint8)
    return Column(
        None,
        per * whole.value / usable,
        per * whole.lo / usable,
        per * whole.hi / usable,
        whole.numerator,
        usable,
        reason,
    )
