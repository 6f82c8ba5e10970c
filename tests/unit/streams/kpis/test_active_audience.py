"""Different people who interacted, over followers."""

from typing import Any

import pytest
from tests.inputs import inputs_of
from tests.nets import Figure, ago, comment, figures, like, net_of_events, removed, share

from resonanz_streams.kpis.active_audience import KPI

PART = "actors_per_follower"


def active(*events: dict[str, Any], followers: float | None = 300, coverage: float = 1.0) -> Figure:
    known = None if followers is None else [followers]
    inputs = inputs_of([(0, 0, 0, 0)], net=net_of_events(events), followers=known, coverage=[coverage])
    return figures(KPI, inputs)[PART]


def test_people_per_follower_with_garwood_s_interval() -> None:
    """Four are 1.090 to 10.242."""
    found = active(
        like("1", 3, actor="ann"), comment("2", 3, actor="ann"),
        share("3", 3, actor="bob"), like("cid", 3), like("dan", 3),
    )  # fmt: skip
    assert [found.value, found.numerator, found.denominator] == [pytest.approx(4 / 300), 4.0, 300.0]
    assert found.lo == pytest.approx(1.090 / 300, abs=1e-5)
    assert found.hi == pytest.approx(10.242 / 300, abs=1e-5)


def test_the_whole_is_absent_since_nobody_tells_us_who_follows() -> None:
    found = figures(KPI, inputs_of([(0, 0, 0, 0)], net=net_of_events([like("x", 3)]), followers=[300]))
    assert found[None] == Figure(None, None, None, None, None, "membership_unknown")


def test_it_may_exceed_one() -> None:
    assert active(like("x", 3), like("y", 3), like("z", 3), followers=2).value == 1.5


def test_the_window_s_edge() -> None:
    assert active(like("x", 24)).value == 0.0
    assert active(like("x", 0, at=ago(24) + 1)).numerator == 1.0


def test_own_people_what_was_removed_and_the_nameless_do_not_count() -> None:
    gone = comment("g", 4)
    assert active(like("o", 3, own=True), gone, removed(gone, 2), like("1", 3, actor=None)).value == 0.0


@pytest.mark.parametrize("followers", [0, None])
def test_followers_zero_or_unknown_make_it_absent(followers: float | None) -> None:
    found = active(like("x", 3), followers=followers)
    assert found == Figure(None, None, None, 1.0, None, "no_followers")


def test_where_nobody_watched_there_is_no_zero() -> None:
    assert active(coverage=0.0) == Figure(None, None, None, None, 300.0, "not_covered")
