"""1000 · mean of I_p / F_p over the posts published."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.inputs import inputs_of
from tests.nets import Figure, ago, comment, figures, like, net_of_events, post, removed, share

from resonanz_streams.intervals import poisson_interval
from resonanz_streams.kpis.base import Floats, Ints
from resonanz_streams.kpis.engagement_rate_by_post import KPI, weighted_poisson_interval


def followed(by: dict[int, float]) -> Any:
    """Followers from each time on, 300 before all of them."""

    def at(rows: Ints, times: Ints) -> Floats:
        assert len(rows) == len(times)
        starts = sorted(by)
        known = [300.0, *(by[start] for start in starts)]
        return np.array([known[sum(start <= time for start in starts)] for time in times.tolist()])

    return at


def rate(*events: dict[str, Any], by: dict[int, float] | None = None, coverage: float = 1.0) -> Figure:
    inputs = inputs_of(
        [(0, 0, 0, 0)], net=net_of_events(events), followers_at=followed(by or {}), coverage=[coverage]
    )
    return figures(KPI, inputs)[None]


def test_four_interactions_on_a_post_that_three_hundred_follow() -> None:
    """The reference of the catalogue: 13.3 per 1,000, interval 3.6 to 34.1."""
    found = rate(post("p", 5), like("a", 4), like("b", 4), comment("c", 3), share("d", 2))
    assert found.value == pytest.approx(40 / 3)
    assert found.lo == pytest.approx(3.633, abs=0.001)
    assert found.hi == pytest.approx(34.139, abs=0.001)
    assert [found.numerator, found.denominator] == [pytest.approx(4 / 300), 1.0]


def test_the_mean_is_over_posts_and_each_counts_who_followed_it_then() -> None:
    #   300 followers │ 100 followers
    #   p: 3          │ q: 4            mean of 10 and 40 per 1,000
    found = rate(
        post("p", 9), *(like(f"p{n}", 3) for n in range(3)),
        post("q", 5), *(like(f"q{n}", 3, object="q") for n in range(4)),
        by={ago(6): 100.0},
    )  # fmt: skip
    assert found.value == pytest.approx(25.0)
    assert found.denominator == 2.0
    assert found.numerator == pytest.approx(0.05)


def test_a_post_without_interactions_counts() -> None:
    assert rate(post("p", 9), post("q", 8), like("x", 3)).value == pytest.approx(1000 / 300 / 2)


def test_a_post_at_the_window_s_edge_is_out_and_one_just_after_it_in() -> None:
    assert rate(post("p", 24), like("x", 3)).reason == "no_posts"
    found = rate(post("p", 24), post("q", 0, at=ago(24) + 1), like("x", 3))
    assert (found.value, found.denominator) == (0.0, 1.0)


def test_own_people_other_posts_removals_and_what_is_elsewhere_do_not_count() -> None:
    gone, late = like("g", 4), like("h", 4)
    found = rate(
        post("p", 9), like("x", 3), like("o", 3, own=True), like("y", 3, object="z"),
        like("n", 3, object=None), gone, removed(gone, 3), removed(late, 3), late,
        post("q", 9, venue="elsewhere"), like("e", 3, object="q"),
    )  # fmt: skip
    assert [found.value, found.denominator] == [pytest.approx(1000 / 300), 1.0]


def test_a_removed_post_is_no_post() -> None:
    assert rate(post("p", 9), like("x", 3), removed(post("p", 9), 2)).reason == "no_posts"


def test_two_records_of_one_post_are_one_post_published_when_the_earlier_says() -> None:
    found = rate(post("1", 7, object="p"), post("2", 9, object="p"), like("x", 3), by={ago(8): 100.0})
    assert [found.value, found.denominator] == [pytest.approx(1000 / 300), 1.0]


def test_what_is_in_the_thread_below_a_post_is_on_it() -> None:
    found = rate(post("p", 9), comment("c", 4), comment("d", 3, parent="c", object="c"))
    assert found.value == pytest.approx(2000 / 300)


@pytest.mark.parametrize("followers", [0.0, np.nan])
def test_followers_zero_or_unknown_leave_a_post_out(followers: float) -> None:
    found = rate(post("p", 9), post("q", 5), like("x", 3), by={ago(6): followers})
    assert [found.value, found.denominator] == [pytest.approx(1000 / 300), 1.0]
    assert rate(post("q", 5), by={ago(6): followers}) == Figure(None, None, None, None, None, "no_followers")


def test_without_posts_it_is_absent() -> None:
    assert rate(like("x", 3)) == Figure(None, None, None, None, None, "no_posts")
    assert rate(like("x", 3), coverage=0.0).reason == "not_covered"


def test_where_nobody_watched_there_is_no_rate_of_zero() -> None:
    assert rate(post("p", 9), coverage=0.0) == Figure(None, None, None, None, None, "not_covered")
    assert rate(post("p", 9), like("x", 3), coverage=0.0).value == pytest.approx(1000 / 300)


def test_a_post_whose_total_fell_below_zero_leaves_no_interval() -> None:
    found = rate(post("p", 9), like("x", 3, count=-1), post("q", 9), like("y", 3, object="q", count=4))
    assert [found.value, found.lo, found.hi] == [pytest.approx(5.0), None, None]
    assert found.reason == "negative_count"


def test_the_same_post_of_two_accounts_is_two() -> None:
    events = [post("p", 9), post("p", 8, account="b"), like("x", 3), like("y", 3, account="b"), like("z", 3)]
    inputs = inputs_of([(0, 0, 0, 0)] * 2, net=net_of_events(events, "ab"), followers_at=followed({}))
    found = [figures(KPI, inputs, row=row)[None].numerator for row in (0, 1)]
    assert found == [pytest.approx(2 / 300), pytest.approx(1 / 300)]


@pytest.mark.parametrize("count", [0, 1, 4, 1000])
def test_with_equal_weights_the_interval_is_garwood_s(count: int) -> None:
    """Σ w·n of n posts with the same followers."""
    weight = 1 / (3 * 250)
    total = np.array([float(count)])
    lo, hi = weighted_poisson_interval(total * weight, total * weight**2, np.array([weight]))
    bounds = poisson_interval(np.array([count]))
    assert lo[0] == pytest.approx(bounds[0][0] * weight, rel=1e-12)
    assert hi[0] == pytest.approx(bounds[1][0] * weight, rel=1e-12)


def test_the_interval_of_unequal_weights_is_that_of_gamma_distributions() -> None:
    """Fay and Feuer: 2 events at weight 1 and 3 at weight 0.5; χ² as in their formulas, by another way."""
    rate_, variance = 2 + 1.5, 2 + 0.75
    lo, hi = weighted_poisson_interval(np.array([rate_]), np.array([variance]), np.array([1.0]))
    assert lo[0] == pytest.approx(variance / (2 * rate_) * stats.chi2.ppf(0.025, 2 * rate_**2 / variance))
    top, wide = rate_ + 1, variance + 1
    assert hi[0] == pytest.approx(wide / (2 * top) * stats.chi2.ppf(0.975, 2 * top**2 / wide))


def test_without_posts_there_is_no_interval() -> None:
    nothing = np.zeros(1)
    lo, hi = weighted_poisson_interval(nothing, nothing, nothing)
    assert np.isnan([lo[0], hi[0]]).all()
