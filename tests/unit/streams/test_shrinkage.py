"""Rates of small accounts are drawn towards what is usual."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from resonanz_streams.cohorts import Exposed
from resonanz_streams.shrinkage import LEAST, prior_of, priors


def account(
    name: str, count: int, exposure: float, platform: str = "file", followers: float = 100.0
) -> Exposed:
    return Exposed(name, "client", platform, count, exposure, followers)


def test_an_example_to_check_by_hand() -> None:
    """Rates 0.1, 0.3, 0.2 on 100, 100, 200: m = 80 / 400 = 0.2; the spread (100 · 0.01 + 100 · 0.01) / 400 =
    0.005, of which 0.2 · 3 / 400 = 0.0015 is chance: v = 0.0035. On 100 the weight is
    0.0035 / (0.0035 + 0.002) = 0.6364, so 0.1 becomes 0.6364 · 0.1 + 0.3636 · 0.2 = 0.1364."""
    prior = prior_of([account("a", 10, 100), account("b", 30, 100), account("c", 40, 200)], "cohort")
    assert (prior.mean, prior.accounts) == (0.2, 3)
    assert prior.variance == pytest.approx(0.0035, rel=1e-12)
    assert prior.weight(100) == pytest.approx(7 / 11, rel=1e-12)
    assert prior.shrunken(10, 100) == pytest.approx(0.1 * 7 / 11 + 0.2 * 4 / 11, rel=1e-12)


def test_where_accounts_differ_by_chance_only_all_are_alike() -> None:
    prior = prior_of([account("a", 10, 100), account("b", 12, 100)], "all")
    assert (prior.variance, prior.weight(100)) == (0.0, 0.0)
    assert prior.shrunken(12, 100) == prior.mean == 0.11


def test_without_any_interaction_nothing_is_divided_by_zero() -> None:
    prior = prior_of([account("a", 0, 100), account("b", 0, 5)], "all")
    assert (prior.mean, prior.variance, prior.shrunken(0, 5)) == (0.0, 0.0, 0.0)


def test_a_lucky_small_account_does_not_come_before_a_large_one_that_is_good() -> None:
    """1 on 3 is a rate of 0.333, 900 on 3,000 one of 0.3."""
    usual = [account(f"n{n}", 100 + 30 * n, 1000) for n in range(8)]
    prior = prior_of([account("small", 1, 3), account("large", 900, 3000), *usual], "cohort")
    assert prior.shrunken(1, 3) < prior.shrunken(900, 3000)


def test_a_cohort_of_eight_speaks_for_itself_and_a_smaller_one_does_not() -> None:
    eight = [account(f"a{n}", n, 100, followers=500) for n in range(LEAST)]
    seven = [account(f"b{n}", n, 100, followers=5000) for n in range(LEAST - 1)]
    others = [account(f"c{n}", n, 100, "bluesky") for n in range(LEAST - 1)]
    found = priors([*eight, *seven, *others])
    assert {(found[it.account].level, found[it.account].accounts) for it in eight} == {("cohort", 8)}
    assert {(found[it.account].level, found[it.account].accounts) for it in seven} == {("platform", 15)}
    assert {(found[it.account].level, found[it.account].accounts) for it in others} == {("all", 22)}


def test_accounts_whose_followers_nobody_told_are_no_cohort() -> None:
    unknown = [Exposed(f"u{n}", "c", "file", n, 100.0, None) for n in range(LEAST)]
    assert {it.level for it in priors(unknown).values()} == {"platform"}


def test_of_nobody_there_is_nothing_and_one_alone_is_usual() -> None:
    assert priors([]) == {}
    (alone,) = priors([account("a", 10, 100)]).values()
    assert (alone.level, alone.accounts, alone.shrunken(10, 100)) == ("all", 1, 0.1)


def some() -> SearchStrategy[list[Exposed]]:
    numbers = st.tuples(st.integers(0, 10**6), st.floats(0.5, 1e7), st.sampled_from((5.0, 50.0, 5e6)))
    return st.lists(numbers, min_size=1, max_size=40).map(
        lambda drawn: [account(str(n), *one[:2], followers=one[2]) for n, one in enumerate(drawn)]
    )


@settings(deadline=None)
@given(some())
def test_a_shrunken_rate_lies_between_the_raw_one_and_what_is_usual(accounts: list[Exposed]) -> None:
    for name, prior in priors(accounts).items():
        it = accounts[int(name)]
        low, high = sorted((it.count / it.exposure, prior.mean))
        trace = 1e-12 * high
        assert low - trace <= prior.shrunken(it.count, it.exposure) <= high + trace
        assert 0 <= prior.weight(it.exposure) <= 1
        assert prior.weight(it.exposure) <= prior.weight(2 * it.exposure)


@settings(deadline=None)
@given(some(), st.randoms(use_true_random=False))
def test_the_order_of_accounts_does_not_change_a_bit(accounts: list[Exposed], rng: object) -> None:
    again = list(accounts)
    rng.shuffle(again)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert priors(again) == priors(accounts)


@settings(deadline=None)
@given(some())
def test_the_prior_equals_its_naive_recomputation(accounts: Sequence[Exposed]) -> None:
    exposure = sum(Fraction(it.exposure) for it in accounts)
    mean = Fraction(sum(it.count for it in accounts)) / exposure
    rates = [(Fraction(it.exposure), it.count / Fraction(it.exposure)) for it in accounts]
    spread = sum(each * (rate - mean) ** 2 for each, rate in rates) / exposure
    variance = max(Fraction(0), spread - mean * len(accounts) / exposure)
    found = prior_of(accounts, "all")
    assert found.mean == pytest.approx(float(mean), rel=1e-12)
    assert found.variance == pytest.approx(float(variance), rel=1e-9, abs=1e-12 * float(spread + mean))
