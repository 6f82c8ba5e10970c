"""Intervals for small counts, vectorised: Garwood for counts, Wilson for shares, exact ones for ratios."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

ALPHA: Final = 0.05
_TABLE_SIZE: Final = 100_000
_Z: Final = float(special.ndtri(1 - ALPHA / 2))


def _bounds(counts: Floats) -> tuple[Floats, Floats]:
    lo = np.where(counts > 0, special.gammaincinv(np.maximum(counts, 1), ALPHA / 2), 0.0)
    hi = special.gammaincinv(counts + 1, 1 - ALPHA / 2)
    return np.asarray(lo, np.float64), np.asarray(hi, np.float64)


class _Garwood:
    """The bounds depend on the count alone: those of counts that have been asked for are kept.

    Filled as they come, since all of them at once would take a tenth of a second.
    """

    def __init__(self) -> None:
        self._lo, self._hi = np.full(_TABLE_SIZE, np.nan), np.full(_TABLE_SIZE, np.nan)

    def __call__(self, counts: NDArray[np.int64]) -> tuple[Floats, Floats]:
        small = np.minimum(counts, _TABLE_SIZE - 1)
        # The upper ends first, here and below: they are written last, so whoever sees one finds its lower
        # end, too, whatever another thread does meanwhile.
        hi, lo = self._hi[small], self._lo[small]
        new = np.isnan(hi)
        if new.any():
            fresh = np.unique(small[new])
            self._lo[fresh], self._hi[fresh] = _bounds(fresh.astype(np.float64))
            hi, lo = self._hi[small], self._lo[small]
        large = counts >= _TABLE_SIZE
        if large.any():
            lo[large], hi[large] = _bounds(counts[large].astype(np.float64))
        return lo, hi


_garwood = _Garwood()


def poisson_interval(counts: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """95 % interval of the mean behind each count: lo = χ²(α/2; 2I)/2, hi = χ²(1−α/2; 2I+2)/2.

    NaN where a count is negative. Source: F. Garwood, Fiducial limits for the Poisson distribution,
    Biometrika 28 (1936). χ²(p; 2k)/2 is the inverse of the regularised lower gamma function at k.
    """
    negative = counts < 0
    lo, hi = _garwood(np.where(negative, 0, counts))
    if negative.any():
        lo, hi = np.where(negative, np.nan, lo), np.where(negative, np.nan, hi)
    return lo, hi


def ratio_interval(
    counts: NDArray[np.int64], exposure: Floats, other_counts: NDArray[np.int64], other_exposure: Floats
) -> tuple[Floats, Floats]:
    """95 % interval of the ratio of two Poisson rates, count / exposure over other count / other exposure.

    Of their sum the first count is binomial: J. Przyborowski, H. Wilenski, Homogeneity of results in testing
    samples from Poisson series, Biometrika 31 (1940). That share's interval is exact: C. J. Clopper, E. S.
    Pearson, The use of confidence or fiducial limits, Biometrika 26 (1934). Without an upper end where the
    other count is 0; NaN where a count is negative, both are 0, or an exposure is not above 0.
    """
    x, y = counts.astype(np.float64), other_counts.astype(np.float64)
    usable = (x >= 0) & (y >= 0) & (x + y > 0) & (exposure > 0) & (other_exposure > 0)
    x, y = np.where(usable, x, 1.0), np.where(usable, y, 1.0)
    scale = np.where(usable, other_exposure, np.nan) / exposure
    with np.errstate(divide="ignore", invalid="ignore"):
        # The odds of the share, whose complement has a quantile of its own: 1 - p would lose digits.
        low = special.betaincinv(x, y + 1, ALPHA / 2) / special.betaincinv(y + 1, x, 1 - ALPHA / 2)
        high = special.betaincinv(x + 1, y, 1 - ALPHA / 2) / special.betaincinv(y, x + 1, ALPHA / 2)
    return np.where(x > 0, low, 0.0) * scale, np.where(y > 0, high, np.inf) * scale


def wilson_interval(successes: Floats, trials: Floats) -> tuple[Floats, Floats]:
    """95 % interval of the share behind ``successes`` of ``trials``; NaN where there are none.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference,
    JASA 22 (1927).
    """
    share = successes / trials
    z2 = _Z * _Z
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z / (1 + z2 / trials) * np.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    # At the ends the two terms are equal but for rounding.
    return np.where(successes == 0, 0.0, middle - half), np.where(successes == trials, 1.0, middle + half)


def equal_means_p(counts: NDArray[np.int64], other_counts: NDArray[np.int64]) -> Floats:
    """How probable two Poisson counts of the same exposure are that differ at least as much, if their means
    are equal: two-sided and exact. NaN where a count is negative or both are 0.

    Of their sum each count is binomial with p = 1/2, whose tails are alike: twice the smaller one. Source: J.
    Przyborowski, H. Wilenski, Homogeneity of results in testing samples from Poisson series, Biometrika 31
    (1940).
    """
    usable = (counts >= 0) & (other_counts >= 0) & (counts + other_counts > 0)
    smaller = np.where(usable, np.minimum(counts, other_counts), 0).astype(np.float64)
    larger = np.where(usable, np.maximum(counts, other_counts), 1).astype(np.float64)
    # P(X <= smaller) of smaller + larger trials.
    tail = special.betainc(larger, smaller + 1, 0.5)
    return np.where(usable, np.minimum(1.0, 2 * tail), np.nan)
