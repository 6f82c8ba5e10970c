"""C/P."""

import pytest
from tests.inputs import inputs_of
from tests.nets import Figure, figures

from resonanz_streams.kpis.conversation import KPI


def test_net_comments_for_each_own_post() -> None:
    found = figures(KPI, inputs_of([(91, 6, 92, 9)], posts=[4]))[None]
    assert (found.value, found.numerator, found.denominator, found.reason) == (1.5, 6.0, 4.0, "")


def test_the_interval_is_that_of_the_count_over_the_posts() -> None:
    """Garwood's table, 95 %: six are 2.202 to 13.059."""
    found = figures(KPI, inputs_of([(91, 6, 92, 9)], posts=[4]))[None]
    assert found.lo == pytest.approx(2.202 / 4, abs=0.0005)
    assert found.hi == pytest.approx(13.059 / 4, abs=0.0005)


def test_without_comments_it_is_zero() -> None:
    found = figures(KPI, inputs_of([(91, 0, 92, 9)], posts=[4]))[None]
    assert (found.value, found.lo, found.reason) == (0.0, 0.0, "")


def test_without_posts_it_is_absent() -> None:
    inputs = inputs_of([(91, 6, 92, 9)] * 2, posts=[0, 0], coverage=[1.0, 0.0])
    absent = Figure(None, None, None, 6.0, None, "no_posts")
    assert figures(KPI, inputs, row=0)[None] == absent
    assert figures(KPI, inputs, row=1)[None] == absent._replace(reason="not_covered")


def test_a_negative_count_has_no_interval() -> None:
    found = figures(KPI, inputs_of([(91, -2, 92, 9)], posts=[4]))[None]
    assert found == Figure(-0.5, None, None, -2.0, 4.0, "negative_count")


def test_it_is_there_from_a_day_on() -> None:
    assert tuple(KPI.windows) == ("24h", "7d", "28d")
