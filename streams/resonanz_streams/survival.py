"""How long things take when some of them are not over yet."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_ROUNDING: Final = 1e-12


def survival_quantiles(
    groups: Ints, waited: Ints, over: NDArray[np.bool_], size: int, shares: Sequence[float]
) -> Floats:
    """For each group below ``size`` and each share the time by which so many of the group are over, by the
    product-limit estimate; NaN where that is not known. Shape (size, shares).

    What is not over has lasted so long at least (right-censored). A group's figures do not depend on the
    others. Source: E. L. Kaplan, P. Meier, Nonparametric Estimation from Incomplete Observations, JASA 53
    (1958).
    """
    found = np.full((size, len(shares)), np.nan)
    order = np.lexsort((waited, groups))
    groups, waited, over = groups[order], waited[order], over[order]
    if not len(order):
        return found
    news = np.concatenate(([True], (groups[1:] != groups[:-1]) | (waited[1:] != waited[:-1])))
    first = np.flatnonzero(news)
    ended = np.add.reduceat(over.astype(np.int64), first)
    first, ended = first[ended > 0], ended[ended > 0]
    of, times = groups[first], waited[first]
    # Who lasted as long as this, or longer, was at risk then.
    at_risk = np.searchsorted(groups, of, side="right") - first
    surviving = _products(1 - ended / at_risk, np.arange(len(of)) - np.searchsorted(of, of))
    for number, share in enumerate(shares):
        reached = np.flatnonzero(surviving <= 1 - share + _ROUNDING)
        group, place = np.unique(of[reached], return_index=True)
        found[group, number] = times[reached[place]]
    return found


def _products(factors: Floats, place: Ints) -> Floats:
    """The product of each factor and those before it in its group. ``place``: of each in its group.

    Each step takes in twice as many as the last one.
    """
    products, step = factors.copy(), 1
    while step <= place.max(initial=0):
        later = np.flatnonzero(place >= step)
        products[later] = products[later] * products[later - step]
        step *= 2
    return products
