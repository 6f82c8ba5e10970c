"""1000 · shares of own posts of the window / the impressions of the same posts."""

from typing import Any

import pytest
from tests.inputs import inputs_of
from tests.nets import Figure, Told, figures, like, net_of_events, post, share, told

from resonanz_streams.kpis.virality import KPI


def rate(*said: dict[str, Any] | Told) -> Figure:
    events = [one for one in said if isinstance(one, dict)]
    net = net_of_events(events, told=[one for one in said if isinstance(one, Told)])
    return figures(KPI, inputs_of([(0, 0, 0, 0)], net=net))[None]


def test_shares_alone_count_over_the_impressions_of_the_same_posts() -> None:
    found = rate(
        post("p", 9), share("s", 5), share("t", 4), like("l", 4), told("p", 1, reach=50, impressions=800),
        post("q", 9), share("u", 5, object="q"), told("q", 1, reach=900),
    )  # fmt: skip
    assert found.value == pytest.approx(2.5)
    assert found.lo == pytest.approx(0.242209 / 0.8, rel=1e-5)
    assert found.hi == pytest.approx(7.224688 / 0.8, rel=1e-5)
    assert [found.numerator, found.denominator] == [2.0, 800.0]


def test_without_impressions_it_is_absent() -> None:
    null = Figure(None, None, None, 0.0, None, "no_impressions")
    assert rate(post("p", 9), share("s", 5), told("p", 1, reach=50)) == null
    assert rate(post("p", 9), share("s", 5), told("p", 1, impressions=0)) == null._replace(numerator=1.0)
    assert rate(share("s", 5), told("p", 1, impressions=9)).reason == "no_posts"


def test_posts_that_nobody_shared_are_zero() -> None:
    assert rate(post("p", 9), told("p", 1, impressions=9)).value == 0.0
