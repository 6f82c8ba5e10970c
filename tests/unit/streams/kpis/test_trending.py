"""−log₁₀ P(X ≥ x) of a topic against the same window of earlier days."""

import math
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.inputs import NOW_MS, inputs_of
from tests.nets import DAY, HOUR, Figure, ago, comment, figures, like, net_of_events, removed

from resonanz_streams.kpis.trending import KPI

PEOPLE = ("ann", "bob", "cid", "dan", "eve", "fay", "gil")


def talk(topic: str, many: int, hours: float = 3, **more: Any) -> Iterator[dict[str, Any]]:
    """So many comments on a topic, by different people as far as there are seven."""
    for number in range(many):
        name = f"{topic}-{hours}-{number}"
        yield comment(name, hours, topics=[topic]) | {"actor": PEOPLE[number % 7]} | more


def usual(topic: str, many: int, days: Collection[int] = range(1, 28)) -> Iterator[dict[str, Any]]:
    for day in days:
        yield from talk(topic, many, hours=24 * day + 3)


def trends(
    *events: dict[str, Any], window: str = "24h", days: Collection[int] = range(1, 28), coverage: float = 1.0
) -> dict[str | None, Figure]:
    inputs = inputs_of([(0, 0, 0, 0)], net=net_of_events(events), days=days, coverage=[coverage])
    return figures(KPI, inputs, window)


def score(x: int, s: int, k: int) -> float:
    return float(-np.log10(stats.nbinom.sf(x - 1, s + 0.5, k / (k + 1))))


def test_ten_where_one_a_day_is_usual() -> None:
    """27 interactions on 27 days, 3 of them on the same weekday: the latter make 10 less surprising."""
    found = trends(*talk("rye", 10), *usual("rye", 1))
    topic = found["topic:rye"]
    assert (topic.numerator, topic.denominator) == (10, 3.5 / 3)
    assert topic.value == pytest.approx(score(10, 3, 3), rel=1e-12) == pytest.approx(4.148, abs=0.001)
    assert score(10, 27, 27) > 6
    assert found[None] == topic
    assert found["days"] == Figure(27, None, None, 27, 27, "")


def test_what_comes_every_week_is_no_news() -> None:
    weekly = trends(*talk("rye", 10), *usual("rye", 10, (7, 14, 21)))["topic:rye"]
    assert weekly.value == pytest.approx(score(10, 30, 3), rel=1e-12)
    assert weekly.value is not None
    assert weekly.value < 0.4
    assert weekly.denominator == 30.5 / 3
    on_other_days = trends(*talk("rye", 10), *usual("rye", 10, (6, 13, 20)))["topic:rye"]
    assert on_other_days.value == pytest.approx(score(10, 30, 27), rel=1e-12)
    assert on_other_days.denominator == 30.5 / 27


def test_less_than_usual_is_no_surprise() -> None:
    found = trends(*talk("rye", 5), *usual("rye", 20))["topic:rye"]
    assert found.value == pytest.approx(0, abs=1e-5)
    assert math.copysign(1, found.value or 0.0) == 1


@pytest.mark.parametrize(
    "events",
    [
        [*talk("rye", 4)],
        [*talk("rye", 9, actor="ann")],
        [*talk("rye", 6, actor="ann"), *talk("rye", 6, hours=4, actor="bob")],
        [*talk("rye", 9, actor=None)],
        [like("t", 3, topics=["rye"], count=500, actor=None)],
        [*talk("rye", 9, hours=24)],
        [*talk("rye", 9, own=True)],
        [*talk("rye", 9), like("fall", 3, topics=["rye"], count=-5)],
        [],
    ],
    ids=[
        "four",
        "one person",
        "two people",
        "nobody known",
        "a total",
        "too old",
        "own people",
        "fell",
        "none",
    ],
)
def test_of_less_than_five_by_three_people_nothing_is_said(events: list[dict[str, Any]]) -> None:
    absent = Figure(None, None, None, None, None, "topics_too_small")
    assert trends(*events) == {None: absent, "days": absent}


def test_five_by_three_people_are_enough() -> None:
    three = [comment(str(number), 3, topics=["rye"], actor=PEOPLE[number % 3]) for number in range(5)]
    assert trends(*three)["topic:rye"].numerator == 5


def test_an_item_counts_whole_for_each_of_its_topics() -> None:
    found = trends(*(event | {"topics": ["rye", "oat"]} for event in talk("rye", 6)))
    assert found["topic:rye"] == found["topic:oat"]
    assert found["topic:oat"].numerator == 6


def test_with_fewer_than_seven_earlier_days_nothing_can_be_compared() -> None:
    found = trends(*talk("rye", 10), days=range(1, 7))
    assert found == {
        None: Figure(None, None, None, None, None, "too_few_days"),
        "days": Figure(6, None, None, 6, 27, ""),
    }
    found = trends(*talk("rye", 10), days=(1, 2, 3, 4, 5, 6, 8))
    assert found["topic:rye"].value == pytest.approx(score(10, 0, 7), rel=1e-12)
    assert found["topic:rye"].denominator == 0.5 / 7


def test_days_that_were_not_watched_do_not_count() -> None:
    events = [*talk("rye", 10), *usual("rye", 3)]
    assert trends(*events, days=range(1, 11))["topic:rye"].denominator == 3.5 / 1
    assert trends(*events, days=(*range(1, 7), 9, 10, 11))["topic:rye"].denominator == 27.5 / 9


def test_a_day_on_which_a_total_fell_has_none() -> None:
    fell = like("t", 27, topics=["rye"], count=-9, actor=None)
    events = [*talk("rye", 10), fell, *usual("rye", 2, range(2, 28))]
    found = trends(*events, days=[day for day in range(1, 28) if day % 7])["topic:rye"]
    assert found.denominator == (23 * 2 + 0.5) / 24


def test_the_hour_is_compared_with_the_same_hour() -> None:
    """Both edges of the window and of the same window a day and 27 days ago."""
    start, now = NOW_MS - HOUR, NOW_MS
    edges = [
        comment(f"{day}-{at}", 0, at=at - day * DAY, topics=["rye"])
        for day in (1, 27)
        for at in (start, start + 1, now, now + 1)
    ]
    other_hours = [comment(f"o{day}", 24 * day + 5, topics=["rye"]) for day in range(1, 27)]
    found = trends(*talk("rye", 6, hours=0.5), *edges, *other_hours, window="1h")["topic:rye"]
    assert (found.numerator, found.denominator) == (6, min(4.5 / 27, 0.5 / 3))
    assert trends(*talk("rye", 6, hours=2), window="1h")[None].reason == "topics_too_small"


def test_removed_ones_and_those_of_the_other_accounts_do_not_count() -> None:
    gone = list(talk("rye", 3, hours=4))
    events = [*talk("rye", 7), *gone, *(removed(event, 2) for event in gone), *talk("rye", 9, account="b")]
    net = net_of_events(events, "ab")
    found = [figures(KPI, inputs_of([(0, 0, 0, 0)] * 2, net=net), row=row) for row in range(2)]
    assert [one["topic:rye"].numerator for one in found] == [7, 9]


def test_ten_topics_have_a_part_of_equal_ones_the_first_by_name() -> None:
    names = [f"t{number:02d}" for number in range(12)]
    events = [event for name in reversed(names) for event in talk(name, 6 if name != "t11" else 8)]
    found = trends(*events)
    assert set(found) == {None, "days", "topic:t11", *(f"topic:{name}" for name in names[:9])}
    assert found[None] == found["topic:t11"]


def test_a_probability_too_small_for_a_number_is_1e_300() -> None:
    total = like("t", 3, topics=["rye"], count=1_000_000)
    assert trends(*talk("rye", 6), total, *usual("rye", 30))["topic:rye"].value == 300


def test_where_nobody_watched_nothing_is_missing() -> None:
    assert trends(coverage=0.0)[None].reason == "not_covered"
    assert trends(*talk("rye", 6), coverage=0.0)[None].numerator == 6
    assert ago(1) == NOW_MS - HOUR
