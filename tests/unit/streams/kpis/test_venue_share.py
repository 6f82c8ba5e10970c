"""I elsewhere / (I own + I elsewhere), and per topic."""

from typing import Any

import pytest
from scipy import stats
from tests.inputs import inputs_of
from tests.nets import Figure, ago, comment, figures, like, net_of_events, removed, share

from resonanz_streams.kpis.venue_share import KPI

AWAY: dict[str, Any] = {"venue": "elsewhere"}


def shares(*events: dict[str, Any], coverage: float = 1.0) -> dict[str | None, Figure]:
    return figures(KPI, inputs_of([(0, 0, 0, 0)], net=net_of_events(events), coverage=[coverage]))


def test_what_happened_elsewhere_named_or_not() -> None:
    found = shares(
        like("a", 3), like("b", 3), comment("c", 3, **AWAY),
        share("d", 3, venue_name="market", **AWAY), like("e", 3),
    )  # fmt: skip
    assert (found[None].value, found[None].numerator, found[None].denominator) == (0.4, 2.0, 5.0)
    expected = stats.binomtest(2, 5).proportion_ci(method="wilson")
    assert [found[None].lo, found[None].hi] == [pytest.approx(expected.low), pytest.approx(expected.high)]


def test_the_share_of_each_topic() -> None:
    found = shares(
        like("a", 3, topics=["rye"], **AWAY), like("b", 3, topics=["rye", "spelt"]),
        like("c", 3, topics=["oat"]), like("d", 3, topics=["oat", "spelt"], **AWAY),
    )  # fmt: skip
    assert {part: (figure.numerator, figure.denominator) for part, figure in found.items()} == {
        None: (2.0, 4.0), "topic:oat": (0.5, 1.5), "topic:rye": (1.0, 1.5), "topic:spelt": (0.5, 1.0)
    }  # fmt: skip


def test_more_than_sixteen_topics_on_one_event_count_for_none_of_them() -> None:
    assert set(shares(like("a", 3, topics=[f"t{n}" for n in range(17)], **AWAY))) == {None}


def test_the_window_s_edge_own_people_and_removals() -> None:
    gone = like("g", 4, **AWAY)
    found = shares(
        like("e", 24, **AWAY), like("o", 3, own=True, **AWAY), gone, removed(gone, 3), like("h", 3),
        like("i", 0, at=ago(24) + 1, **AWAY),
    )  # fmt: skip
    assert (found[None].numerator, found[None].denominator) == (1.0, 2.0)


def test_without_interactions_it_is_absent() -> None:
    assert shares() == {None: Figure(None, None, None, None, None, "no_interactions")}
    assert shares(coverage=0.0)[None].reason == "not_covered"


def test_a_total_that_fell_leaves_no_share() -> None:
    assert shares(like("a", 3, count=-1, **AWAY), like("b", 3, count=4))[None].reason == "negative_count"
