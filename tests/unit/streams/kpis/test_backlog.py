"""Audience comments that nobody has answered. The SLA is 4 h."""

from typing import Any

from tests.inputs import clients_with, inputs_of
from tests.nets import HOUR, Figure, ago, answer, comment, figures, like, net_of_events, removed

from resonanz_streams.kpis.backlog import KPI


def waiting(
    *events: dict[str, Any],
    window: str = "24h",
    sla_ms: int = 4 * HOUR,
    coverage: float = 1.0,
    length_ms: int | None = None,
) -> dict[str | None, Figure]:
    inputs = inputs_of(
        [(0, 0, 0, 0)],
        net=net_of_events(events),
        clients=clients_with(1, sla_ms=sla_ms),
        coverage=[coverage],
        length_ms=length_ms,
    )
    return figures(KPI, inputs, window)


def test_how_many_wait_how_long_the_oldest_and_how_many_too_long() -> None:
    found = waiting(
        comment("a", 10),
        answer("r", 9, "a"),
        comment("b", 8),
        comment("c", 5),
        comment("d", 3),
        comment("e", 1),
    )
    assert found == {
        None: Figure(4.0, None, None, 4.0, 5.0, ""),
        "oldest_age": Figure(8 * 3600.0, None, None, 8 * 3600.0, 5.0, ""),
        "sla_breaches": Figure(2.0, None, None, 2.0, 5.0, ""),
    }


def test_a_late_answer_is_an_answer() -> None:
    assert waiting(comment("a", 10), answer("r", 1, "a"))[None].value == 0.0


def test_when_nobody_waits_there_is_no_oldest() -> None:
    found = waiting(comment("a", 10), answer("r", 9, "a"))
    assert found[None] == Figure(0.0, None, None, 0.0, 1.0, "")
    assert found["oldest_age"] == Figure(None, None, None, None, 1.0, "none_waiting")
    assert waiting()["oldest_age"].reason == "no_comments"


def test_a_watched_window_without_comments_is_zero_and_one_that_nobody_watched_is_absent() -> None:
    assert waiting()[None] == Figure(0.0, None, None, 0.0, 0.0, "")
    found = waiting(coverage=0.0)
    assert list(found) == [None, "oldest_age", "sla_breaches"]
    assert {(figure.value, figure.reason) for figure in found.values()} == {(None, "not_covered")}
    assert waiting(comment("a", 3), coverage=0.0)[None].value == 1.0


def test_the_window_s_edge() -> None:
    assert waiting(comment("a", 24))[None].denominator == 0.0
    found = waiting(comment("a", 0, at=ago(24) + 1))
    assert found["oldest_age"].value == 24 * 3600 - 0.001
    assert waiting(comment("a", 24), window="7d")[None].value == 1.0


def test_the_sla_is_breached_when_it_has_passed() -> None:
    assert waiting(comment("a", 4))["sla_breaches"].value == 1.0
    assert waiting(comment("a", 4, at=ago(4) + 1))["sla_breaches"].value == 0.0


def test_breaches_of_an_sla_as_long_as_the_window_are_absent_not_0() -> None:
    for hours in (24, 48):
        found = waiting(comment("a", 20), sla_ms=hours * HOUR)
        assert found[None].value == 1.0
        assert found["sla_breaches"] == Figure(None, None, None, None, 1.0, "sla_longer_than_window")
    assert waiting(comment("a", 20), sla_ms=23 * HOUR)["sla_breaches"].value == 0.0
    assert waiting(sla_ms=48 * HOUR, coverage=0.0)["sla_breaches"].reason == "not_covered"
    assert waiting(comment("a", 50), sla_ms=48 * HOUR, window="7d")["sla_breaches"].value == 1.0


def test_the_minutes_by_which_a_window_is_longer_than_its_name_breach_nothing() -> None:
    for length_ms in (24 * HOUR, 24 * HOUR + 1000, 24 * HOUR + 299_999):
        found = waiting(comment("a", 24), comment("b", 20), sla_ms=24 * HOUR, length_ms=length_ms)
        assert (found["sla_breaches"].value, found["sla_breaches"].reason) == (None, "sla_longer_than_window")
    found = waiting(comment("a", 24), sla_ms=24 * HOUR - 1, length_ms=24 * HOUR + 299_999)
    assert found["sla_breaches"].value == 1.0


def test_a_removed_comment_leaves_as_removed_not_as_answered() -> None:
    asked = comment("a", 10)
    found = waiting(asked, removed(asked, 9), comment("b", 3))
    assert [found[None].value, found[None].denominator, found["oldest_age"].value] == [1.0, 1.0, 3 * 3600.0]


def test_a_removed_question_that_was_answered_and_comes_back_is_answered() -> None:
    asked = comment("a", 10)
    again = asked | {"at": ago(6)}
    found = waiting(asked, answer("r", 9, "a"), removed(asked, 8), again)
    assert [found[None].value, found[None].denominator] == [0.0, 1.0]


def test_a_removed_answer_leaves_its_question_open() -> None:
    reply = answer("r", 9, "a")
    assert waiting(comment("a", 10), reply, removed(reply, 8))[None].value == 1.0


def test_own_comments_likes_and_totals_ask_nothing() -> None:
    found = waiting(comment("o", 5, own=True), answer("r", 4, "o"), like("l", 5), comment("t", 5, count=3))
    assert found[None] == Figure(0.0, None, None, 0.0, 0.0, "")
