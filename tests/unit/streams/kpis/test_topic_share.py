"""Interactions on a topic / all interactions."""

from typing import Any

import pytest
from scipy import stats
from tests.inputs import inputs_of
from tests.nets import Figure, ago, comment, figures, like, net_of_events, removed, share

from resonanz_streams.details import Vocabulary
from resonanz_streams.kpis.topic_share import KPI


def shares(*events: dict[str, Any], coverage: float = 1.0) -> dict[str | None, Figure]:
    return figures(KPI, inputs_of([(0, 0, 0, 0)], net=net_of_events(events), coverage=[coverage]))


def values(*events: dict[str, Any]) -> dict[str | None, float | None]:
    return {part: figure.value for part, figure in shares(*events).items()}


def test_an_item_of_two_topics_is_half_of_each() -> None:
    found = values(
        like("a", 3, topics=["rye"]), comment("b", 3, topics=["rye", "spelt"]), share("c", 3), like("d", 3)
    )
    assert found == {None: 0.5, "topic:rye": 0.375, "topic:spelt": 0.125, "topic:other": 0.5}


def test_the_interval_is_wilson_s() -> None:
    found = shares(*(like(str(n), 3, topics=["rye"]) for n in range(3)), like("d", 3))
    expected = stats.binomtest(3, 4).proportion_ci(method="wilson")
    for part in (None, "topic:rye"):
        assert [found[part].lo, found[part].hi] == [pytest.approx(expected.low), pytest.approx(expected.high)]


def test_thirds_and_sevenths_leave_nothing_to_the_rest() -> None:
    three, seven = ["a", "b", "c"], list("abcdefg")
    found = shares(like("x", 3, topics=three), like("y", 3, topics=seven))
    assert found["topic:a"].value == pytest.approx((1 / 3 + 1 / 7) / 2, rel=1e-15)
    assert found["topic:other"] == Figure(0.0, 0.0, found["topic:other"].hi, 0.0, 2.0, "")


def test_eleven_topics_the_least_of_them_by_name_goes_to_the_rest() -> None:
    names = [f"t{n:02d}" for n in range(12)]
    said = [like(name, 3, topics=[name]) for name in names] + [like("z", 3, topics=["t11"])]
    found = values(*reversed(said))
    assert set(found) == {None, "topic:other", "topic:t11", *(f"topic:t{n:02d}" for n in range(9))}
    assert found["topic:t11"] == pytest.approx(2 / 13)
    assert found["topic:other"] == pytest.approx(2 / 13)


def test_sixteen_topics_count_and_more_on_one_event_say_nothing() -> None:
    names = [f"t{n:02d}" for n in range(17)]
    found = values(like("a", 3, topics=names[:16]))
    assert found["topic:t00"] == 1 / 16
    assert found["topic:other"] == 6 / 16
    assert values(like("a", 3, topics=names)) == {None: 0.0, "topic:other": 1.0}


def test_a_topic_named_twice_is_one_and_one_beyond_the_vocabulary_none() -> None:
    assert values(like("a", 3, topics=["rye", "rye"])) == {None: 1.0, "topic:rye": 1.0, "topic:other": 0.0}
    words = Vocabulary(frozenset({"rye"}))
    net = net_of_events([like("a", 3, topics=["rye", "oat"]), like("b", 3, topics=["oat"])], vocabulary=words)
    found = figures(KPI, inputs_of([(0, 0, 0, 0)], net=net))
    assert {part: figure.value for part, figure in found.items()} == {
        None: 0.5, "topic:rye": 0.5, "topic:other": 0.5
    }  # fmt: skip


def test_a_topic_called_other_is_among_the_others() -> None:
    found = values(like("a", 3, topics=["other"]), like("b", 3, topics=["rye"]))
    assert found == {None: 1.0, "topic:rye": 0.5, "topic:other": 0.5}


def test_the_window_s_edge_own_people_and_removals() -> None:
    gone = like("g", 4, topics=["rye"])
    found = shares(
        like("e", 24, topics=["rye"]), like("o", 3, own=True, topics=["rye"]), gone, removed(gone, 3),
        like("i", 0, at=ago(24) + 1, topics=["spelt"]),
    )  # fmt: skip
    assert {part: figure.numerator for part, figure in found.items()} == {
        None: 1.0, "topic:spelt": 1.0, "topic:other": 0.0
    }  # fmt: skip


def test_a_total_weighs_what_it_counts() -> None:
    found = values(like("a", 3, count=3, topics=["rye"]), like("b", 3))
    assert found == {None: 0.75, "topic:rye": 0.75, "topic:other": 0.25}


def test_what_is_negative_or_more_than_the_whole_is_no_share() -> None:
    found = shares(like("a", 3, count=3, topics=["rye"]), like("b", 3, count=-1))
    assert set(found) == {None, "topic:rye", "topic:other"}
    assert {(figure.value, figure.reason) for figure in found.values()} == {(None, "negative_count")}


def test_without_interactions_it_is_absent() -> None:
    absent = Figure(None, None, None, None, None, "no_interactions")
    assert shares() == {None: absent, "topic:other": absent}
    assert shares(coverage=0.0)[None].reason == "not_covered"


def test_each_account_has_its_own_topics() -> None:
    events = [like("a", 3, topics=["rye"]), like("b", 3, account="c", topics=["spelt"])]
    inputs = inputs_of([(0, 0, 0, 0)] * 3, net=net_of_events(events, "abc"))
    assert [set(figures(KPI, inputs, row=row)) for row in range(3)] == [
        {None, "topic:rye", "topic:other"}, {None, "topic:other"}, {None, "topic:spelt", "topic:other"}
    ]  # fmt: skip
