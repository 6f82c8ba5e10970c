"""Interactions on a post at its age / the middle half of the last 100 before it at that age."""

from typing import Any

import pytest
from scipy import stats
from tests.inputs import inputs_of
from tests.nets import Figure, ago, comment, figures, like, net_of_events, post, removed

from resonanz_streams.kpis.over_performance import KPI


def parts(*events: dict[str, Any], coverage: float = 1.0, window: str = "24h") -> dict[str | None, Figure]:
    inputs = inputs_of([(0, 0, 0, 0)], net=net_of_events(events), coverage=[coverage])
    return figures(KPI, inputs, window)


def liked(name: str, hours: float, *ages: float) -> list[dict[str, Any]]:
    """A post, and a like on it at each of these ages in hours."""
    likes = [like(f"{name}-{n}", hours - age, object=name) for n, age in enumerate(ages)]
    return [post(name, hours), *likes]


def before(*counts: int) -> list[dict[str, Any]]:
    """A post a day from two days ago back, with so many likes each in its first hour."""
    found = []
    for number, count in enumerate(counts):
        found += liked(f"b{number}", 48 + 24 * number, *(0.5 for _ in range(count)))
    return found


def test_a_post_beside_the_middle_half_of_those_before_it() -> None:
    """Of 1, 2, 4, 9 the middle half are 2 and 4, mean 3."""
    found = parts(*before(4, 1, 9, 2), *liked("p", 5, 1, 1, 2, 2, 3, 3))
    lo, hi = stats.chi2.ppf(0.025, 12) / 2, stats.chi2.ppf(0.975, 14) / 2
    one = found["post:p"]
    assert (one.value, one.numerator, one.denominator, one.reason) == (2.0, 6.0, 3.0, "")
    assert one.lo == pytest.approx(lo / 3, rel=1e-12)
    assert one.hi == pytest.approx(hi / 3, rel=1e-12)
    assert found[None] == Figure(2.0, None, None, None, 1.0, "")


def test_those_before_it_are_counted_at_its_age() -> None:
    """p is 5 h old: of the others only what they had at 5 h counts, the last millisecond in."""
    late = [event for n in range(4) for event in liked(f"b{n}", 48 + n, 5.0, 5.001, 30)]
    found = parts(*late, *liked("p", 5, 1, 5))
    one = found["post:p"]
    assert (one.value, one.numerator, one.denominator) == (2.0, 2.0, 1.0)


def test_a_count_at_the_edge_of_the_middle_half_counts_in_part() -> None:
    """Of five the middle half begins after 1.25 of them: (0.75 · 2 + 4 + 0.75 · 6) / 2.5 = 4."""
    assert parts(*before(0, 2, 4, 6, 50), *liked("p", 5, 1, 2))["post:p"].denominator == 4.0


def test_only_the_last_hundred_before_it_count() -> None:
    """The 74 before p have one like each, the 46 before those ten. Of a hundred, 26 are tens; the middle half
    are 49 ones and a ten: 59 / 50."""
    new = [event for n in range(74) for event in liked(f"n{n}", 100 + n, 0.5)]
    old = [event for n in range(46) for event in liked(f"o{n}", 200 + n, *(0.5 for _ in range(10)))]
    assert parts(*old, *new, *liked("p", 5, 1))["post:p"].denominator == 1.18


def test_a_post_of_the_same_moment_is_not_before_it() -> None:
    found = parts(*before(2, 2, 2), *liked("p", 5, 1), *liked("q", 5, 1))
    assert [found[f"post:{name}"].reason for name in "pq"] == ["too_few_posts"] * 2


def test_fewer_than_four_before_it_are_no_measure() -> None:
    null = Figure(None, None, None, 3.0, None, "too_few_posts")
    found = parts(*before(4, 1, 9), *liked("p", 5, 1, 1, 2))
    assert found == {None: Figure(None, None, None, None, None, "too_few_posts"), "post:p": null}


def test_where_those_before_it_had_nothing_there_is_no_quotient() -> None:
    null = Figure(None, None, None, 1.0, None, "no_interactions")
    found = parts(*before(0, 0, 0, 0, 9), *liked("p", 5, 1))
    assert found == {None: Figure(None, None, None, None, None, "no_interactions"), "post:p": null}


def test_the_ten_with_most_have_a_part_and_the_whole_is_the_median_of_all() -> None:
    """Twelve posts within the hour with 1 to 12 likes; those before each had 2: the median is 6.5 / 2."""
    mine = [e for n in range(12) for e in liked(f"p{n:02d}", 9, *(1 for _ in range(n + 1)))]
    found = parts(*before(2, 2, 2, 2), *mine)
    assert list(found) == [None, *(f"post:p{n:02d}" for n in range(11, 1, -1))]
    assert found[None] == Figure(3.25, None, None, None, 12.0, "")


def test_of_equal_ones_the_first_have_a_part() -> None:
    mine = [e for n in range(11) for e in liked(f"p{n:02d}", 20 - n, 1)]
    assert list(parts(*mine))[1:] == [f"post:p{n:02d}" for n in range(10)]


def test_it_is_called_as_its_platform_does() -> None:
    found = parts(
        *before(2, 2, 2, 2), post("1", 5, object="at://did/p/7"), like("x", 3, object="at://did/p/7")
    )
    assert found["post:at://did/p/7"].value == 0.5


def test_a_post_told_twice_is_one_published_when_the_earlier_says() -> None:
    twice = [post("1", 6, object="p"), post("2", 5, object="p"), like("x", 3)]
    assert list(parts(*before(2, 2, 2, 2), *twice)) == [None, "post:p"]
    assert parts(*before(2, 2, 2), post("z", 5.5), *twice)["post:p"].reason == "too_few_posts"


def test_a_removed_post_neither_has_a_part_nor_is_a_measure() -> None:
    gone = [*liked("p", 5, 1), removed(post("p", 5), 1)]
    assert list(parts(*before(2, 2, 2, 2), *gone)) == [None]
    without = [removed(post("b0", 48), 1)]
    assert parts(*before(2, 2, 2, 2), *without, *liked("q", 5, 1))["post:q"].reason == "too_few_posts"


def test_comments_in_the_thread_count_own_ones_and_those_elsewhere_do_not() -> None:
    said = [
        comment("c", 4, object="p", thread="p"), comment("d", 3, parent="c", object="c", thread="p"),
        comment("o", 3, own=True), like("e", 3, object="q"), post("q", 5, venue="elsewhere"),
    ]  # fmt: skip
    found = parts(*before(2, 2, 2, 2), post("p", 5), *said)
    assert (list(found), found["post:p"].numerator) == ([None, "post:p"], 2.0)


def test_falling_totals_leave_no_interval_or_nothing_to_divide_by() -> None:
    fell = parts(*before(2, 2, 2, 2), post("p", 5), like("x", 3, count=-4))["post:p"]
    assert fell == Figure(-2.0, None, None, -4.0, 2.0, "negative_count")
    below = [
        e
        for n in range(4)
        for e in (post(f"b{n}", 48 + n), like(f"f{n}", 47.5 + n, object=f"b{n}", count=-1))
    ]
    null = Figure(None, None, None, 1.0, None, "negative_count")
    assert parts(*below, *liked("p", 5, 1))["post:p"] == null


def test_where_nobody_watched_nothing_is_said_of_posts_without_interactions() -> None:
    found = parts(*before(2, 2, 2, 2), post("p", 5), *liked("q", 4, 1), coverage=0.0)
    assert found["post:p"] == Figure(None, None, None, None, None, "not_covered")
    assert found["post:q"].value == 0.5
    assert parts(coverage=0.0)[None].reason == "not_covered"


def test_without_posts_it_is_absent() -> None:
    assert parts(*before(2, 2, 2, 2)) == {None: Figure(None, None, None, None, None, "no_posts")}
    assert list(parts(post("p", 0, at=ago(24)), post("q", 0, at=ago(24) + 1))) == [None, "post:q"]


def test_a_post_s_part_counts_what_it_had_in_the_window() -> None:
    """All of them came after their post, so in the window: these are the posts behind its interactions."""
    found = parts(*before(2, 2, 2, 2), *liked("p", 23, 0, 1, 23), *liked("q", 5, 1))
    assert [found["post:p"].numerator, found["post:q"].numerator] == [3.0, 1.0]
