"""Audience comments answered within the SLA / those whose SLA has passed. The SLA is 4 h."""

from typing import Any

import pytest
from scipy import stats
from tests.inputs import clients_with, inputs_of
from tests.nets import HOUR, Figure, ago, answer, comment, figures, like, net_of_events, removed

from resonanz_streams.kpis.response_rate import KPI


def rate(
    *events: dict[str, Any], sla_ms: int = 4 * HOUR, coverage: float = 1.0, length_ms: int = 24 * HOUR
) -> Figure:
    inputs = inputs_of(
        [(0, 0, 0, 0)],
        net=net_of_events(events),
        clients=clients_with(1, sla_ms=sla_ms),
        coverage=[coverage],
        length_ms=length_ms,
    )
    return figures(KPI, inputs)[None]


def test_in_time_too_late_never_and_not_yet() -> None:
    #  h ago   10    9    8    7    6    5    4    3    2    1   now
    #  a        ●──────────○                                          in time: 2 h
    #  b             ●────────────────────────○                       too late: 5 h
    #  c                  ●                                           never
    #  d                                           ●                  not yet due
    found = rate(
        comment("a", 10), answer("a1", 8, "a"), comment("b", 9), answer("b1", 4, "b"),
        comment("c", 8), comment("d", 3),
    )  # fmt: skip
    assert (found.numerator, found.denominator, found.reason) == (1.0, 3.0, "")
    assert found.value == pytest.approx(1 / 3)


def test_the_interval_is_wilson_s() -> None:
    found = rate(comment("a", 10), answer("a1", 8, "a"), comment("b", 9), comment("c", 8))
    expected = stats.binomtest(1, 3).proportion_ci(method="wilson")
    assert [found.lo, found.hi] == [pytest.approx(expected.low), pytest.approx(expected.high)]


def test_an_answer_in_the_sla_s_last_millisecond_is_in_time_and_the_next_one_is_not() -> None:
    assert rate(comment("a", 10), answer("r", 6, "a")).value == 1.0
    assert rate(comment("a", 10), answer("r", 6, "a", at=ago(6) + 1)).value == 0.0


def test_a_comment_is_due_when_its_sla_has_passed() -> None:
    assert rate(comment("a", 4)).value == 0.0
    early = rate(comment("a", 4, at=ago(4) + 1), answer("r", 3, "a"))
    assert early == Figure(None, None, None, None, None, "sla_not_passed")


def test_the_window_s_edge() -> None:
    assert rate(comment("a", 24)).reason == "no_comments"
    assert rate(comment("a", 0, at=ago(24) + 1)).value == 0.0


def test_likes_and_other_people_s_comments_are_no_answers() -> None:
    found = rate(comment("a", 10), like("r", 9, object="a", own=True), comment("b", 9, parent="a"))
    assert (found.numerator, found.denominator) == (0.0, 2.0)


def test_an_answer_to_the_answered_comment_s_thread_answers_nobody_else() -> None:
    found = rate(comment("a", 10), comment("b", 9, parent="a"), answer("r", 8, "b"))
    assert (found.numerator, found.denominator) == (1.0, 2.0)


def test_own_people_who_answer_themselves_neither_ask_nor_answer() -> None:
    found = rate(comment("o", 10, own=True), answer("r", 9, "o"))
    assert found == Figure(None, None, None, None, None, "no_comments")


def test_a_removed_question_that_was_answered_leaves_both_counts() -> None:
    asked = comment("a", 10)
    found = rate(asked, answer("r", 9, "a"), removed(asked, 8), comment("b", 9))
    assert (found.numerator, found.denominator) == (0.0, 1.0)


def test_a_removed_answer_is_none() -> None:
    reply = answer("r", 9, "a")
    assert rate(comment("a", 10), reply, removed(reply, 8)).value == 0.0
    again = reply | {"at": ago(7)}
    assert rate(comment("a", 10), again, removed(reply, 8), reply).value == 1.0


def test_an_answer_that_is_older_than_its_question_came_at_once() -> None:
    assert rate(answer("r", 11, "a"), comment("a", 10)).value == 1.0


def test_of_two_answers_the_first_counts() -> None:
    assert rate(comment("a", 10), answer("s", 5, "a"), answer("r", 8, "a")).value == 1.0


def test_people_who_answer_each_other_in_a_circle_are_answered_all_the_same() -> None:
    found = rate(comment("a", 10, parent="r"), answer("r", 9, "a"))
    assert (found.numerator, found.denominator) == (1.0, 1.0)
    found = rate(comment("a", 10, parent="a"))
    assert (found.numerator, found.denominator) == (0.0, 1.0)


def test_an_answer_to_a_comment_that_nobody_told_us_of_answers_nothing() -> None:
    found = rate(comment("a", 10), answer("r", 9, "unknown"))
    assert (found.numerator, found.denominator) == (0.0, 1.0)


def test_a_total_of_comments_asks_nothing() -> None:
    assert rate(comment("a", 10, count=7)).reason == "no_comments"


def test_an_sla_longer_than_the_window_can_pass_for_nobody() -> None:
    absent = Figure(None, None, None, None, None, "sla_longer_than_window")
    assert rate(comment("a", 20), answer("r", 19, "a"), sla_ms=48 * HOUR) == absent
    assert rate(comment("a", 0, at=ago(24) + 1), sla_ms=24 * HOUR) == absent
    assert rate(comment("a", 0, at=ago(24) + 1), sla_ms=24 * HOUR - 1).value == 0.0


def test_the_minutes_by_which_a_window_is_longer_than_its_name_make_nothing_due() -> None:
    handful = (
        comment("a", 24),
        answer("r", 23.5, "a"),
        comment("b", 24, at=ago(24) - 120_000),
        comment("c", 2),
    )
    for length_ms in (24 * HOUR, 24 * HOUR + 1000, 24 * HOUR + 299_999):
        found = rate(*handful, sla_ms=24 * HOUR, length_ms=length_ms)
        assert found == Figure(None, None, None, None, None, "sla_longer_than_window")
    found = rate(*handful, sla_ms=24 * HOUR - 1, length_ms=24 * HOUR + 299_999)
    assert (found.numerator, found.denominator) == (1.0, 2.0)


def test_where_nobody_watched_it_says_so() -> None:
    assert rate(coverage=0.0).reason == "not_covered"
    assert rate(comment("a", 10), coverage=0.0).value == 0.0


def test_each_account_has_its_own_sla_and_comments() -> None:
    events = [
        comment("a", 10), answer("r", 5, "a"),
        comment("a", 10, account="b"), answer("s", 9, "a", account="c"),
    ]  # fmt: skip
    inputs = inputs_of(
        [(0, 0, 0, 0)] * 3, net=net_of_events(events, "abc"), clients=clients_with(3, sla_ms=5 * HOUR)
    )
    assert [figures(KPI, inputs, row=row)[None].value for row in range(3)] == [1.0, 0.0, None]
