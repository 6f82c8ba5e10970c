"""Exact intervals, against published tables and against the distributions themselves."""

import numpy as np
import pytest
from scipy import stats

from resonanz_streams.intervals import equal_means_p, poisson_interval, ratio_interval, wilson_interval


def poisson(*counts: int) -> list[tuple[float, float]]:
    lo, hi = poisson_interval(np.array(counts, dtype=np.int64))
    return list(zip(lo.tolist(), hi.tolist(), strict=True))


@pytest.mark.parametrize(
    ("count", "lo", "hi"),
    # Garwood's table, 95 %.
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (2, 0.242, 7.225), (4, 1.090, 10.242), (10, 4.795, 18.390)],
)
def test_the_bounds_of_small_counts_are_those_of_the_table(count: int, lo: float, hi: float) -> None:
    found = poisson(count)[0]
    assert found[0] == pytest.approx(lo, abs=0.0005)
    assert found[1] == pytest.approx(hi, abs=0.0005)


@pytest.mark.parametrize("count", [1, 7, 1023, 1024, 99_999, 100_000, 2_000_000, 10**12, 2**53])
def test_beyond_a_bound_the_count_has_a_chance_of_2_5_percent(count: int) -> None:
    lo, hi = poisson(count)[0]
    assert lo < count < hi
    if count <= 2_000_000:
        assert stats.poisson.sf(count - 1, lo) == pytest.approx(0.025, rel=1e-6)
        assert stats.poisson.cdf(count, hi) == pytest.approx(0.025, rel=1e-6)
    else:
        assert (hi - lo) / 2 == pytest.approx(1.96 * count**0.5, rel=1e-3)


def test_a_bound_does_not_depend_on_the_company_of_its_count() -> None:
    """Same input, same numbers, bit for bit: whether from the table or computed."""
    counts = [0, 5, 2000, 99_999, 100_000, 5_000_000]
    alone = [poisson(count)[0] for count in counts]
    assert poisson(*counts) == alone
    assert poisson(*reversed(counts)) == alone[::-1]


def test_a_negative_count_has_no_interval_and_disturbs_no_other() -> None:
    found = poisson(-1, 4, -(2**62))
    assert np.isnan(found[0]).all()
    assert np.isnan(found[2]).all()
    assert found[1] == poisson(4)[0]


def test_no_counts() -> None:
    assert poisson() == []


@pytest.mark.parametrize(
    ("successes", "trials"), [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (1, 100_000), (99_999, 100_000)]
)
def test_a_share_has_wilson_s_interval(successes: int, trials: int) -> None:
    lo, hi = wilson_interval(np.array([float(successes)]), np.array([float(trials)]))
    expected = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    assert lo[0] == pytest.approx(expected.low, rel=1e-9, abs=1e-15)
    assert hi[0] == pytest.approx(expected.high, rel=1e-9)
    assert 0 <= lo[0] <= successes / trials <= hi[0] <= 1


def test_shares_of_a_third_of_an_interaction_have_an_interval() -> None:
    lo, hi = wilson_interval(np.array([1 / 3]), np.array([1.0]))
    assert 0 < lo[0] < 1 / 3 < hi[0] < 1


def test_of_no_trials_there_is_no_interval() -> None:
    lo, hi = wilson_interval(np.array([np.nan]), np.array([np.nan]))
    assert np.isnan([lo[0], hi[0]]).all()


@pytest.mark.parametrize(
    ("x", "y"),
    [(4, 12), (12, 4), (0, 5), (5, 0), (1, 0), (7, 7), (3, 4), (40, 60), (900, 1000), (30_000, 29_000)],
)
def test_the_p_value_of_two_counts_is_that_of_the_exact_binomial_test(x: int, y: int) -> None:
    found = equal_means_p(np.array([x]), np.array([y]))[0]
    assert found == pytest.approx(stats.binomtest(x, x + y, 0.5).pvalue, rel=1e-9)


def test_four_against_twelve_at_equal_exposure() -> None:
    """The reference: p = 0.077 two-sided, 0.038 one-sided."""
    found = equal_means_p(np.array([4]), np.array([12]))[0]
    assert found == pytest.approx(0.0768, abs=5e-5)
    assert found / 2 == pytest.approx(0.0384, abs=5e-5)


def test_of_nothing_and_of_negative_counts_there_is_no_p_value() -> None:
    assert np.isnan(equal_means_p(np.array([0, -1, 3]), np.array([0, 3, -1]))).all()
    assert equal_means_p(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []


@pytest.mark.parametrize(("x", "y"), [(4, 12), (1, 1), (0, 5), (250, 3), (100_000, 90_000), (1, 2**31)])
@pytest.mark.parametrize(("exposure", "other"), [(1.0, 1.0), (3.0, 7.0)])
def test_a_ratio_of_rates_has_the_odds_of_clopper_and_pearson_s_share(
    x: int, y: int, exposure: float, other: float
) -> None:
    lo, hi = ratio_interval(np.array([x]), np.array([exposure]), np.array([y]), np.array([other]))
    share = stats.binomtest(x, x + y).proportion_ci(method="exact")
    scale = other / exposure
    assert lo[0] == pytest.approx(share.low / (1 - share.low) * scale, rel=1e-9)
    assert hi[0] == pytest.approx(share.high / (1 - share.high) * scale, rel=1e-9)
    assert lo[0] <= x / exposure / (y / other) <= hi[0]


def test_four_against_twelve_at_equal_exposure_may_be_equal() -> None:
    """The reference of two periods: p is 0.077 two-sided, so the interval holds 1."""
    lo, hi = ratio_interval(np.array([4]), np.array([1.0]), np.array([12]), np.array([1.0]))
    assert lo[0] == pytest.approx(0.0784, abs=5e-5)
    assert hi[0] == pytest.approx(1.0998, abs=5e-5)


def test_a_ratio_to_a_count_of_zero_has_no_upper_end_and_one_of_nothing_no_interval() -> None:
    counts, others = np.array([3, 0, -1, 3, 3]), np.array([0, 0, 4, -1, 4])
    exposures = np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    lo, hi = ratio_interval(counts, exposures, others, np.ones(5))
    assert lo[0] > 0
    assert hi[0] == np.inf
    assert np.isnan([lo[1:], hi[1:]]).all()
