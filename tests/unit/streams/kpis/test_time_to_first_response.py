"""Time to the first answer, those who still wait included."""

from typing import Any

from tests.inputs import clients_with, inputs_of
from tests.nets import Figure, ago, answer, comment, figures, net_of_events, removed

from resonanz_streams.business_time import BusinessHours, parse_week
from resonanz_streams.kpis.time_to_first_response import KPI


def times(*events: dict[str, Any], coverage: float = 1.0) -> dict[str | None, Figure]:
    inputs = inputs_of([(0, 0, 0, 0)], net=net_of_events(events), coverage=[coverage])
    return figures(KPI, inputs)


def test_the_median_and_the_slow_ones() -> None:
    """Ten comments, answered after 1 to 10 h: the smallest time by which that share is done."""
    said = [comment(f"c{hours}", 20) for hours in range(1, 11)]
    answers = [answer(f"a{hours}", 20 - hours, f"c{hours}") for hours in range(1, 11)]
    found = times(*said, *answers)
    assert {part: found[part] for part in (None, "p90", "p95")} == {
        None: Figure(5 * 3600.0, None, None, 10.0, 10.0, ""),
        "p90": Figure(9 * 3600.0, None, None, 10.0, 10.0, ""),
        "p95": Figure(10 * 3600.0, None, None, 10.0, 10.0, ""),
    }


def test_who_still_waits_counts_as_waiting_at_least_so_long() -> None:
    #  waited 1 h ✓   2 h …   3 h ✓   4 h …   5 h ✓
    #  at risk    5               3               1
    #  waiting  4/5          8/15               0       so half are answered after 5 h, not after 3
    found = times(
        comment("a", 9), answer("a1", 8, "a"), comment("b", 2), comment("c", 9), answer("c1", 6, "c"),
        comment("d", 4), comment("e", 9), answer("e1", 4, "e"),
    )  # fmt: skip
    assert found[None] == Figure(5 * 3600.0, None, None, 3.0, 5.0, "")


def test_with_too_few_answers_it_is_not_known() -> None:
    found = times(comment("a", 9), answer("a1", 8, "a"), comment("b", 9), comment("c", 9))
    assert found[None] == Figure(None, None, None, 1.0, 3.0, "too_few_answered")
    found = times(comment("a", 9), answer("a1", 8, "a"), comment("b", 9))
    assert [found[part].value for part in (None, "p90", "p95")] == [3600.0, None, None]
    assert times(comment("a", 9))[None] == Figure(None, None, None, 0.0, 1.0, "too_few_answered")


def test_without_comments_it_is_absent() -> None:
    assert times()[None] == Figure(None, None, None, None, None, "no_comments")
    assert times(coverage=0.0)["p90"].reason == "not_covered"


def test_the_window_s_edge() -> None:
    assert times(comment("a", 24), answer("r", 3, "a"))[None].reason == "no_comments"
    found = times(comment("a", 0, at=ago(24) + 1), answer("r", 3, "a"))[None]
    assert found.value == 21 * 3600 - 0.001


def test_own_people_who_answer_themselves_wait_for_nothing() -> None:
    assert times(comment("o", 9, own=True), answer("r", 8, "o"))[None].reason == "no_comments"


def test_a_removed_question_counts_no_more_answered_or_not() -> None:
    asked = comment("a", 9)
    found = times(asked, answer("r", 8, "a"), removed(asked, 7), comment("b", 9), answer("s", 6, "b"))[None]
    assert found == Figure(3 * 3600.0, None, None, 1.0, 1.0, "")


def test_a_removed_answer_leaves_the_next_one_or_none() -> None:
    first = answer("r", 8, "a")
    assert times(comment("a", 9), first, removed(first, 7), answer("s", 6, "a"))[None].value == 3 * 3600
    assert times(comment("a", 9), first, removed(first, 7))[None].numerator == 0.0


def test_an_answer_before_its_question_took_no_time() -> None:
    assert times(answer("r", 10, "a"), comment("a", 9))[None].value == 0.0


def test_each_account_alone() -> None:
    events = [
        comment("a", 9), answer("r", 8, "a"),
        comment("a", 10, account="b"), answer("s", 6, "a", account="b"), comment("b", 8, account="b"),
    ]  # fmt: skip
    inputs = inputs_of([(0, 0, 0, 0)] * 3, net=net_of_events(events, "abc"))
    found = [figures(KPI, inputs, row=row)[None].value for row in range(3)]
    assert found == [3600.0, 4 * 3600.0, None]


# -- in business hours -----

WORK = BusinessHours(parse_week("Mo-Fr 08:00-18:00"), "Europe/Berlin", "DE-NW")
"""Now is Tuesday 2023-11-14 23:13:20 in Berlin."""


def in_business(*events: dict[str, Any], window: str = "24h") -> dict[str | None, Figure]:
    clients = clients_with(1, hours=[WORK], zones=["Europe/Berlin"])
    inputs = inputs_of([(0, 0, 0, 0)], net=net_of_events(events), clients=clients)
    return figures(KPI, inputs, window)


def test_a_night_does_not_count() -> None:
    """Asked on Monday at 23:33:20, answered on Tuesday at 08:13:20."""
    found = in_business(comment("a", 23 + 2 / 3), answer("r", 15, "a"))
    assert found[None].value == 8 * 3600 + 40 * 60
    assert found["business"] == Figure(800.0, None, None, 1.0, 1.0, "")


def test_who_asks_and_is_answered_at_night_waits_no_business_time() -> None:
    assert in_business(comment("a", 20), answer("r", 19, "a"))["business"].value == 0.0


def test_weekends_and_holidays_do_not_count() -> None:
    """Asked on Tuesday 2023-10-31 at 16:13:20; All Saints' Day; Thursday 09:13:20."""
    found = in_business(comment("a", 343), answer("r", 302, "a"), window="28d")
    assert found[None].value == 41 * 3600
    assert found["business"].value == (18 - 16 + 9 - 8) * 3600


def test_who_waits_for_an_answer_waits_in_business_hours_only() -> None:
    """Two wait since midnight, for all of today's ten hours. Two were answered after 3 h and 9.5 h."""
    found = in_business(
        comment("a", 23),
        comment("b", 23),
        comment("c", 14),
        answer("r", 11, "c"),
        comment("d", 15),
        answer("s", 5.5, "d"),
    )
    assert found["business"] == Figure(9.5 * 3600, None, None, 2.0, 4.0, "")
    assert found["business_p90"] == Figure(None, None, None, 2.0, 4.0, "too_few_answered")


def test_without_business_hours_these_are_absent() -> None:
    found = times(comment("a", 9), answer("r", 8, "a"))
    for part in ("business", "business_p90", "business_p95"):
        assert found[part] == Figure(None, None, None, 1.0, 1.0, "no_business_hours")
    assert times()["business"].reason == "no_business_hours"
    assert in_business()["business"].reason == "no_comments"


def test_each_account_by_the_hours_of_its_client() -> None:
    events = [
        e for name in "abc" for e in (comment("q", 16, account=name), answer("r", 12, "q", account=name))
    ]
    early = BusinessHours(parse_week("Mo-Fr 04:00-10:00"), "UTC")
    clients = clients_with(3, hours=[WORK, early, None])
    inputs = inputs_of([(0, 0, 0, 0)] * 3, net=net_of_events(events, "abc"), clients=clients)
    found = [figures(KPI, inputs, row=row)["business"].value for row in range(3)]
    assert found == [3 * 3600 + 800, 4 * 3600 - 800, None]
