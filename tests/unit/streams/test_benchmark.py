"""How an account does among its like, and that it tells nothing of any one of them."""

from collections.abc import Sequence
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from scipy import special

from resonanz_streams.benchmark import Standing, entry, not_shared, standings, tells_nothing_of_one
from resonanz_streams.cohorts import Exposed
from resonanz_streams.events import KpiEntry


def account(
    number: int, count: int = 10, exposure: float = 100.0, client: str = "", **more: float
) -> Exposed:
    return Exposed(
        f"a{number}", client or f"c{number % 4}", "file", count, exposure, more.get("followers", 100.0)
    )


def cohort(counts: Sequence[int], exposure: float = 1000.0) -> list[Exposed]:
    """Accounts of four clients in turn."""
    return [account(number, count, exposure) for number, count in enumerate(counts)]


TEN = cohort([0, 100, 200, 300, 400, 500, 600, 700, 800, 900])


def step(found: Standing | None) -> float:
    assert found is not None
    return found.lo


# -- what it says -----


def test_of_ten_accounts_that_differ_clearly_each_has_a_step_of_its_own() -> None:
    found = standings(TEN)
    assert [step(found[f"a{number}"]) for number in range(10)] == [n / 10 for n in range(10)]
    assert found["a9"] == Standing(0.9, 1.0, 10)
    assert found["a9"].value == pytest.approx(0.95)


def test_below_ten_accounts_the_steps_are_fifths() -> None:
    found = standings(cohort([0, 100, 200, 300, 400, 500, 600, 700]))
    assert {(it.lo, it.hi) for it in found.values()} == {(n / 5, (n + 1) / 5) for n in range(5)}
    assert {it.accounts for it in found.values()} == {8}


def test_an_account_of_which_little_is_known_stays_in_the_middle() -> None:
    lucky, unlucky = account(10, 1, 0.5), account(11, 0, 0.5)
    found = standings([*TEN, lucky, unlucky])
    assert step(found["a10"]) == step(found["a9"]) == 0.8, "a rate of 2 that one interaction proves, and 0.9"
    assert step(found["a11"]) == 0.5, "none is not the worst of all where hardly anybody was asked"


def test_an_example_to_check_by_hand() -> None:
    """Of 4 and 12 interactions at equal exposure the first rate is below the second with a chance of
    I(½; 4.5, 12.5) = 0.979."""
    assert special.betainc(4.5, 12.5, 0.5) == pytest.approx(0.979, abs=1e-4)


def test_the_number_of_accounts_is_told_roughly() -> None:
    for many, told in (
        (8, 8),
        (9, 8),
        (10, 10),
        (19, 10),
        (20, 20),
        (49, 20),
        (50, 50),
        (99, 50),
        (100, 100),
    ):
        found = standings(cohort(range(many)))
        assert {it.accounts for it in found.values()} == {told}


def test_only_accounts_of_the_same_platform_and_size_are_compared() -> None:
    others = [replace(it, account=f"b{n}", followers=1000.0) for n, it in enumerate(TEN)]
    apart = [replace(it, account=f"p{n}", platform="bluesky") for n, it in enumerate(TEN)]
    found = standings([*TEN, *others, *apart[:7]])
    assert {name[0] for name in found} == {"a", "b"}
    assert {it.accounts for it in found.values()} == {10}
    assert standings([replace(it, followers=None) for it in TEN]) == {}


# -- what it does not say -----


def test_seven_accounts_are_too_few() -> None:
    assert tells_nothing_of_one(TEN[:8])
    assert not tells_nothing_of_one(TEN[:7])
    assert not tells_nothing_of_one([])


def test_two_clients_are_too_few() -> None:
    assert not tells_nothing_of_one([replace(it, client=f"c{n % 2}") for n, it in enumerate(TEN)])
    assert tells_nothing_of_one([replace(it, client=f"c{n % 3}") for n, it in enumerate(TEN)])


def test_no_client_may_hold_more_than_half() -> None:
    def shared(mine: int) -> list[Exposed]:
        return [replace(it, client="mine" if n < mine else f"c{n % 2}") for n, it in enumerate(TEN)]

    assert tells_nothing_of_one(shared(5))
    assert not tells_nothing_of_one(shared(6))


@pytest.mark.parametrize("leaving", range(8))
def test_a_cohort_of_eight_less_one_gives_nothing_to_take_the_difference_of(leaving: int) -> None:
    eight = TEN[:8]
    assert len(standings(eight)) == 8
    assert standings([it for n, it in enumerate(eight) if n != leaving]) == {}


def test_nothing_of_another_account_is_told() -> None:
    assert {field.name for field in fields(Standing)} == {"lo", "hi", "accounts"}
    told = entry(KpiEntry("engagement_rate_by_followers", "28d", lo=1.0, coverage=0.9), standings(TEN)["a9"])
    assert told == KpiEntry("benchmark", "28d", None, 0.95, 0.9, 1.0, None, 10.0, coverage=0.9, reason=None)


def drawn(least: int, most: int) -> SearchStrategy[list[Exposed]]:
    numbers = st.tuples(st.integers(0, 10**5), st.floats(0.01, 1e5))
    return st.lists(numbers, min_size=least, max_size=most).map(
        lambda found: [account(number, *one) for number, one in enumerate(found)]
    )


@settings(max_examples=300, deadline=None)
@given(drawn(8, 24), st.integers(0, 10**6), st.floats(0.01, 1e6))
def test_whatever_one_account_does_the_others_move_by_one_step_at_most(
    accounts: list[Exposed], count: int, exposure: float
) -> None:
    before = standings(accounts)
    after = standings([replace(accounts[0], count=count, exposure=exposure), *accounts[1:]])
    width = 0.1 if len(accounts) >= 10 else 0.2
    for name in before.keys() - {"a0"}:
        assert abs(before[name].lo - after[name].lo) < 1.5 * width


@settings(max_examples=200, deadline=None)
@given(drawn(11, 24))
def test_when_one_account_leaves_the_others_move_by_one_step_at_most(accounts: list[Exposed]) -> None:
    before, after = standings(accounts), standings(accounts[1:])
    for name in after:
        assert abs(before[name].lo - after[name].lo) < 0.15


@settings(deadline=None)
@given(drawn(8, 16), st.randoms(use_true_random=False))
def test_the_order_of_accounts_does_not_matter(accounts: list[Exposed], rng: object) -> None:
    again = list(accounts)
    rng.shuffle(again)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert standings(again) == standings(accounts)


@settings(deadline=None)
@given(drawn(8, 16))
def test_at_the_same_exposure_more_interactions_are_never_worse(accounts: list[Exposed]) -> None:
    alike = sorted((replace(it, exposure=50.0) for it in accounts), key=lambda it: it.count)
    found = [step(standings(alike).get(it.account)) for it in alike]
    assert found == sorted(found)


# -- why it is absent -----


def test_an_absent_benchmark_says_why() -> None:
    rate = KpiEntry("engagement_rate_by_followers", "28d", value=1.0, lo=0.5, hi=2.0, coverage=0.5)
    assert entry(rate, None).reason == "cohort_too_small"
    unknown = KpiEntry("engagement_rate_by_followers", "28d", coverage=0.5, reason="no_followers")
    assert (entry(unknown, None).reason, entry(unknown, None).coverage) == ("no_followers", 0.5)
    falling = KpiEntry(
        "engagement_rate_by_followers", "28d", value=-1.0, coverage=1.0, reason="negative_count"
    )
    assert (entry(falling, None).reason, entry(falling, None).value) == ("negative_count", None)
    assert (not_shared().reason, not_shared().value) == ("not_shared", None)
