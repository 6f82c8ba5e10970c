"""Time to the first answer, those who still wait included."""

from random import Random
from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.inputs import inputs_of
from tests.nets import Figure, ago, answer, comment, figures, net_of_events, removed

from resonanz_streams.kpis.time_to_first_response import KPI, quantiles


def times(*events: dict[str, Any], coverage: float = 1.0) -> dict[str | None, Figure]:
    inputs = inputs_of([(0, 0, 0, 0)], net=net_of_events(events), coverage=[coverage])
    return figures(KPI, inputs)


def test_the_median_and_the_slow_ones() -> None:
    """Ten comments, answered after 1 to 10 h: the smallest time by which that share is done."""
    said = [comment(f"c{hours}", 20) for hours in range(1, 11)]
    answers = [answer(f"a{hours}", 20 - hours, f"c{hours}") for hours in range(1, 11)]
    found = times(*said, *answers)
    assert found == {
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


@pytest.mark.parametrize("seed", range(30))
def test_quantiles_are_those_of_the_survival_curve(seed: int) -> None:
    """The first time at which no more than 1 − p survive, of the curve as scipy has it; ties among them."""
    rng = Random(seed)
    waited = np.array([rng.randint(0, 20) for _ in range(rng.randint(1, 40))])
    answered = np.array([rng.random() < 0.7 for _ in waited])
    curve = stats.ecdf(stats.CensoredData.right_censored(waited, ~answered)).sf
    shares = [0.1, 0.5, 0.9, 0.95, 1.0]
    found = quantiles(waited, answered, shares)
    for share, quantile in zip(shares, found.tolist(), strict=True):
        reached = curve.quantiles[curve.probabilities <= 1 - share + 1e-9]
        # A curve steps at answers only; what it lists besides are those who still wait.
        assert quantile == (reached[0] if len(reached) else pytest.approx(np.nan, nan_ok=True))


def test_a_curve_by_hand() -> None:
    """Answered after 2, 2, 5 and 9, still waiting since 2, 6 and 9: 5/7, 5/7·3/4, 5/7·3/4·1/2."""
    waited = np.array([2, 2, 2, 5, 6, 9, 9])
    answered = np.array([True, True, False, True, False, True, False])
    found = quantiles(waited, answered, [2 / 7, 0.3, 1 - 15 / 28, 0.5, 0.75])
    np.testing.assert_array_equal(found, [2, 5, 5, 9, np.nan])
