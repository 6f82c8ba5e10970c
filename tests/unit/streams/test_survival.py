"""Quantiles of what is not over yet, against scipy's estimate and by hand."""

from random import Random

import numpy as np
import pytest
from scipy import stats

from resonanz_streams.survival import survival_quantiles


def of_one(waited: np.ndarray, over: np.ndarray, shares: list[float]) -> list[float]:
    found: list[float] = survival_quantiles(np.zeros(len(waited), np.int64), waited, over, 1, shares)[
        0
    ].tolist()
    return found


@pytest.mark.parametrize("seed", range(40))
def test_it_equals_scipy_s_estimate_of_censored_data(seed: int) -> None:
    rng = Random(seed)
    waited = np.array([rng.randint(0, 20) for _ in range(rng.randint(1, 40))])
    over = np.array([rng.random() < 0.7 for _ in waited])
    curve = stats.ecdf(stats.CensoredData.right_censored(waited, ~over)).sf
    shares = [0.1, 0.5, 0.9, 0.95, 1.0]
    for share, quantile in zip(shares, of_one(waited, over, shares), strict=True):
        reached = curve.quantiles[curve.probabilities <= 1 - share + 1e-9]
        # A curve steps at ends only; what it lists besides are those that are not over.
        assert quantile == (reached[0] if len(reached) else pytest.approx(np.nan, nan_ok=True))


def test_a_curve_by_hand() -> None:
    """Over after 2, 2, 5 and 9, not yet since 2, 6 and 9: 5/7, 5/7·3/4, 5/7·3/4·1/2."""
    waited = np.array([2, 2, 2, 5, 6, 9, 9])
    over = np.array([True, True, False, True, False, True, False])
    np.testing.assert_array_equal(
        of_one(waited, over, [2 / 7, 0.3, 1 - 15 / 28, 0.5, 0.75]), [2, 5, 5, 9, np.nan]
    )


def test_of_nothing_and_of_what_is_never_over_nothing_is_known() -> None:
    nobody = np.zeros(0, dtype=np.int64)
    assert np.isnan(survival_quantiles(nobody, nobody, nobody.astype(bool), 2, [0.5])).all()
    assert np.isnan(of_one(np.array([3, 4]), np.array([False, False]), [0.5])).all()


@pytest.mark.parametrize("seed", range(20))
def test_a_group_s_figures_are_the_same_bit_for_bit_among_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    many = int(rng.integers(50, 400))
    groups, waited = rng.integers(0, 5, many), rng.integers(0, 10**9, many)
    over = rng.random(many) < 0.6
    shares = np.linspace(0.05, 0.95, 19).tolist()
    together = survival_quantiles(groups, waited, over, 6, shares)
    for group in range(6):
        mine = groups == group
        np.testing.assert_array_equal(together[group], of_one(waited[mine], over[mine], shares))
