"""1000 · interactions on own posts of the window / the reach of the same posts."""

from typing import Any

import pytest
from tests.inputs import inputs_of
from tests.nets import Figure, Told, comment, figures, like, net_of_events, post, removed, share, told

from resonanz_streams.kpis.engagement_rate_by_reach import KPI


def rate(*said: dict[str, Any] | Told, coverage: float = 1.0, window: str = "24h") -> Figure:
    events = [one for one in said if isinstance(one, dict)]
    net = net_of_events(events, told=[one for one in said if isinstance(one, Told)])
    return figures(KPI, inputs_of([(0, 0, 0, 0)], net=net, coverage=[coverage]), window)[None]


NULL = Figure(None, None, None, None, None, "")


def test_four_interactions_on_a_post_that_reached_three_hundred() -> None:
    """The reference of the catalogue: 13.3 per 1,000, interval 3.6 to 34.1."""
    found = rate(
        post("p", 5), like("a", 4), like("b", 4), comment("c", 3), share("d", 2), told("p", 1, reach=300)
    )
    assert found.value == pytest.approx(40 / 3)
    assert found.lo == pytest.approx(3.633, abs=0.001)
    assert found.hi == pytest.approx(34.139, abs=0.001)
    assert [found.numerator, found.denominator, found.reason] == [4.0, 300.0, ""]


def test_posts_whose_reach_is_not_known_and_what_is_on_them_are_left_out() -> None:
    found = rate(
        post("p", 9), like("a", 3), told("p", 1, reach=100),
        post("q", 9), like("b", 3, object="q"), told("q", 1, impressions=50),
        post("r", 9), like("c", 3, object="r"),
    )  # fmt: skip
    assert [found.numerator, found.denominator] == [1.0, 100.0]


def test_the_newest_reach_not_later_than_now_counts() -> None:
    #     -9 h      -5 h       -1 h      now     +1 h
    #     p         100        300        │      900
    found = rate(
        post("p", 9), like("a", 8),
        told("p", -1, reach=900), told("p", 1, reach=300), told("p", 5, reach=100),
    )  # fmt: skip
    assert found.denominator == 300.0


def test_a_suppressed_reach_is_not_told_and_leaves_the_one_before() -> None:
    said = post("p", 9), like("a", 8)
    assert rate(*said, told("p", 5, reach=100), told("p", 1, reach=None, impressions=7)).denominator == 100.0
    assert rate(*said, told("p", 1, impressions=7)) == NULL._replace(numerator=0.0, reason="no_reach")


def test_of_two_at_the_same_time_the_larger_stays() -> None:
    assert rate(post("p", 9), told("p", 1, reach=100), told("p", 1, reach=90)).denominator == 100.0


def test_a_post_with_reach_zero_reached_nobody() -> None:
    alone = rate(post("p", 9), like("a", 8), told("p", 1, reach=0))
    assert alone == NULL._replace(numerator=1.0, reason="no_reach")
    beside = rate(post("p", 9), like("a", 8), told("p", 1, reach=0), post("q", 9), told("q", 1, reach=10))
    assert [beside.value, beside.numerator, beside.denominator] == [100.0, 1.0, 10.0]


def test_a_reach_smaller_than_the_interactions_gives_more_than_one_each() -> None:
    found = rate(post("p", 9), *(like(f"l{n}", 8) for n in range(5)), told("p", 1, reach=2))
    assert [found.value, found.numerator, found.denominator] == [2500.0, 5.0, 2.0]


def test_a_post_told_twice_is_one_and_its_reach_counts_once() -> None:
    found = rate(
        post("1", 9, object="p"), post("2", 8, object="p"), like("a", 7), told("p", 1, reach=40),
        told("p", 1, reach=40),
    )  # fmt: skip
    assert [found.numerator, found.denominator] == [1.0, 40.0]


def test_a_removed_post_and_its_reach_are_gone() -> None:
    said = post("p", 9), like("a", 8), told("p", 1, reach=40)
    assert rate(*said, removed(post("p", 9), 2)) == NULL._replace(numerator=0.0, reason="no_posts")


def test_only_posts_published_in_the_window_count() -> None:
    said = post("p", 25), like("a", 8), told("p", 1, reach=40)
    assert rate(*said).reason == "no_posts"
    assert rate(*said, window="7d").numerator == 1.0


def test_own_people_removals_and_other_accounts_do_not_count() -> None:
    gone = like("g", 4)
    found = rate(
        post("p", 9), told("p", 1, reach=40), like("o", 3, own=True), gone, removed(gone, 3), like("x", 3),
        post("q", 9, venue="elsewhere"), like("e", 3, object="q"), told("q", 1, reach=60),
        Told("a", "z", told("z", 1).at, 500, None),
    )  # fmt: skip
    assert [found.numerator, found.denominator] == [1.0, 40.0]


def test_where_nobody_watched_there_is_no_rate_of_zero() -> None:
    said = post("p", 9), told("p", 1, reach=40)
    assert rate(*said, coverage=0.0) == Figure(None, None, None, None, 40.0, "not_covered")
    assert rate(*said, like("a", 8), coverage=0.0).value == 25.0
    assert rate(coverage=0.0).reason == "not_covered"


def test_a_total_that_fell_leaves_no_interval() -> None:
    found = rate(post("p", 9), like("a", 8, count=-2), told("p", 1, reach=40))
    assert [found.value, found.lo, found.reason] == [-50.0, None, "negative_count"]
