"""Threads that go other → own → other / threads."""

from typing import Any

import pytest
from scipy import stats
from tests.inputs import inputs_of
from tests.nets import Figure, ago, answer, comment, figures, net_of_events, removed

from resonanz_streams.kpis.reciprocity import KPI


def returned(*events: dict[str, Any], coverage: float = 1.0) -> Figure:
    inputs = inputs_of([(0, 0, 0, 0)], net=net_of_events(events), coverage=[coverage])
    return figures(KPI, inputs)[None]


def talk(thread: str = "p", account: str = "a") -> list[dict[str, Any]]:
    """Somebody asks, we answer, somebody answers us."""
    told = {"thread": thread, "object": thread, "account": account}
    return [
        comment(f"{thread}1", 9, **told),
        answer(f"{thread}2", 8, f"{thread}1", **told),
        comment(f"{thread}3", 7, parent=f"{thread}2", **told),
    ]


def test_threads_in_which_the_audience_answered_our_answer() -> None:
    found = returned(
        *talk("p"), *talk("q"), *talk("q")[:2], comment("q4", 6, parent="q2", thread="q"),
        *talk("r")[:2], comment("s", 5, thread="s"), answer("t", 5, "t0", thread="t"),
    )  # fmt: skip
    assert (found.value, found.numerator, found.denominator) == (0.5, 2.0, 4.0)
    expected = stats.binomtest(2, 4).proportion_ci(method="wilson")
    assert [found.lo, found.hi] == [pytest.approx(expected.low), pytest.approx(expected.high)]


def test_other_orders_are_no_return() -> None:
    others = [comment("a", 9), comment("b", 8, parent="a"), comment("c", 7, parent="b")]
    assert returned(*others).value == 0.0
    assert returned(comment("o", 9, own=True), comment("a", 8, parent="o")).value == 0.0
    assert returned(comment("a", 9), answer("r", 8, "a"), answer("s", 7, "r")).value == 0.0
    assert returned(comment("a", 9), comment("b", 8, parent="r0"), answer("r", 7, "a")).value == 0.0


def test_own_people_who_answer_themselves_are_no_thread() -> None:
    assert returned(comment("o", 9, own=True), answer("r", 8, "o")).reason == "no_comments"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_was_removed_breaks_the_return(place: int) -> None:
    said = talk()
    assert returned(*said, removed(said[place], 6)).numerator == 0.0


def test_a_circle_of_other_and_own_goes_back_and_forth() -> None:
    found = returned(comment("a", 9, parent="r"), answer("r", 8, "a"))
    assert (found.numerator, found.denominator) == (1.0, 1.0)
    assert returned(comment("a", 9, parent="a")).numerator == 0.0


def test_a_missing_question_is_no_return() -> None:
    assert returned(*talk()[1:]).value == 0.0


def test_a_thread_is_of_the_window_by_its_audience_s_comments() -> None:
    said = talk()
    said[0] = comment("p1", 40)
    said[1] = answer("p2", 30, "p1")
    said[2] = comment("p3", 24, parent="p2")
    assert returned(*said).reason == "no_comments"
    said[2] = comment("p3", 0, at=ago(24) + 1, parent="p2")
    assert (returned(*said).numerator, returned(*said).denominator) == (1.0, 1.0)


def test_a_return_before_the_window_is_none_of_a_thread_that_goes_on() -> None:
    said = [comment("p1", 40), answer("p2", 30, "p1"), comment("p3", 25, parent="p2"), comment("p4", 3)]
    assert (returned(*said).numerator, returned(*said).denominator) == (0.0, 1.0)


def test_comments_of_untold_threads_are_not_one_thread() -> None:
    alone = {"thread": None, "object": None}
    assert returned(comment("a", 9, **alone), comment("b", 9, **alone)).denominator == 2.0


def test_the_same_thread_of_two_accounts_is_two() -> None:
    net = net_of_events([*talk(), *talk(account="b")[:1]], "ab")
    inputs = inputs_of([(0, 0, 0, 0)] * 2, net=net)
    assert [figures(KPI, inputs, row=row)[None].value for row in (0, 1)] == [1.0, 0.0]


def test_without_comments_it_is_absent() -> None:
    assert returned() == Figure(None, None, None, None, None, "no_comments")
    assert returned(coverage=0.0).reason == "not_covered"
