"""I elsewhere / (I own + I elsewhere), and per venue and per topic."""

from typing import Any

import pytest
from scipy import stats
from tests.inputs import inputs_of
from tests.nets import Figure, ago, comment, figures, like, net_of_events, removed, share

from resonanz_streams.details import Vocabulary
from resonanz_streams.kpis.base import VOCABULARY_SIZE
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
        None: (2.0, 4.0), "venue:other": (2.0, 4.0),
        "topic:oat": (0.5, 1.5), "topic:rye": (1.0, 1.5), "topic:spelt": (0.5, 1.0)
    }  # fmt: skip


def at(venue: str, name: str, **more: Any) -> dict[str, Any]:
    return like(name, 3, venue_name=venue, **AWAY, **more)


def test_the_watched_venues_and_the_others_sum_to_the_whole() -> None:
    watched = Vocabulary(venues=frozenset({"forum", "market", "other"}))
    told = [
        at("forum", "a"), at("forum", "b"), at("market", "c"), at("other", "d"), at("stray", "e"),
        like("f", 3, **AWAY), like("g", 3, venue_name="forum"), like("h", 3),
    ]  # fmt: skip
    net = net_of_events(told, vocabulary=watched)
    found = figures(KPI, inputs_of([(0, 0, 0, 0)], net=net))
    assert {part: (figure.value, figure.numerator) for part, figure in found.items()} == {
        None: (0.75, 6.0), "venue:forum": (0.25, 2.0), "venue:market": (0.125, 1.0),
        "venue:other": (0.375, 3.0),
    }  # fmt: skip
    expected = stats.binomtest(2, 8).proportion_ci(method="wilson")
    forum = found["venue:forum"]
    assert [forum.lo, forum.hi] == [pytest.approx(expected.low), pytest.approx(expected.high)]


def test_ten_venues_have_a_part_of_equal_ones_the_first_by_name() -> None:
    names = [f"v{n:02d}" for n in range(12)]
    told = [at(name, name) for name in reversed(names)] + [at("v11", "z")]
    found = shares(*told)
    assert set(found) == {None, "venue:v11", "venue:other", *(f"venue:v{n:02d}" for n in range(9))}
    assert found["venue:v11"].numerator == found["venue:other"].numerator == 2.0


def test_a_venue_counts_whole_however_many_topics_there_are() -> None:
    found = shares(at("forum", "a", topics=["rye", "oat"], count=3), like("b", 3))
    assert (found["venue:forum"].numerator, found["venue:forum"].denominator) == (3.0, 4.0)


def test_more_than_sixteen_topics_on_one_event_count_for_none_of_them() -> None:
    found = shares(like("a", 3, topics=[f"t{n}" for n in range(17)], **AWAY))
    assert set(found) == {None, "venue:other"}


def test_the_window_s_edge_own_people_and_removals() -> None:
    gone = like("g", 4, **AWAY)
    found = shares(
        like("e", 24, **AWAY), like("o", 3, own=True, **AWAY), gone, removed(gone, 3), like("h", 3),
        like("i", 0, at=ago(24) + 1, **AWAY),
    )  # fmt: skip
    assert (found[None].numerator, found[None].denominator) == (1.0, 2.0)


def test_without_interactions_it_is_absent() -> None:
    absent = Figure(None, None, None, None, None, "no_interactions")
    assert shares() == {None: absent, "venue:other": absent}
    assert shares(coverage=0.0)[None].reason == "not_covered"


def test_a_total_that_fell_leaves_no_share() -> None:
    assert shares(like("a", 3, count=-1, **AWAY), like("b", 3, count=4))[None].reason == "negative_count"


def test_as_many_parts_as_a_client_s_topics_allow() -> None:
    """The whole, ten venues, the others, and 250 topics."""
    names = [f"t{n}" for n in range(VOCABULARY_SIZE)]
    told = [at(f"v{n}", f"v{n}") for n in range(11)] + [like(name, 3, topics=[name]) for name in names]
    found = shares(*told)
    assert len(found) == KPI.most_parts == 262
