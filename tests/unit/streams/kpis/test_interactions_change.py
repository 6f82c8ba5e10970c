"""Interactions of the window against those of the same time before it."""

from typing import Any

import numpy as np
import pytest
from tests.inputs import NOW_MS, inputs_of
from tests.nets import DAY, Figure, answer, comment, figures, like, net_of_events, removed, share

from resonanz_streams.kpis.base import Floats, Ints, Place
from resonanz_streams.kpis.interactions_change import KPI, change


def changed(*events: dict[str, Any], window: str = "24h", coverage: float = 1.0) -> dict[str | None, Figure]:
    return figures(KPI, inputs_of([(0, 0, 0, 0)], net=net_of_events(events), coverage=[coverage]), window)


def likes(many: int, hours: float) -> list[dict[str, Any]]:
    return [like(f"{hours} {number}", hours) for number in range(many)]


def test_four_after_twelve_is_not_yet_a_change() -> None:
    """The design's example: 4 against 12 at equal exposure, p = 0.077 two-sided, 0.038 one-sided."""
    found = changed(*likes(4, 5), *likes(12, 30))
    whole = found[None]
    assert (whole.value, whole.numerator, whole.denominator, whole.reason) == (4 / 12, 4.0, 12.0, "")
    # Clopper–Pearson of 4 of 16 is 0.0727 to 0.5238; odds 0.0784 and 1.0998.
    assert whole.lo == pytest.approx(0.0784, abs=5e-5)
    assert whole.hi == pytest.approx(1.0998, abs=5e-5)
    chance = found["p"]
    assert chance.value == pytest.approx(2 * sum((1, 16, 120, 560, 1820)) / 2**16, rel=1e-12)
    assert round(chance.value or 0, 3) == 0.077
    assert chance._replace(value=None) == Figure(None, None, None, None, None, "")


def test_every_kind_counts_and_removals_leave_the_period_of_what_they_remove() -> None:
    gone = like("g", 40)
    own = answer("o", 3, "c")
    found = changed(
        like("l", 1), comment("c", 5), share("s", 23), own, comment("d", 30), gone, removed(gone, 2)
    )
    assert found[None][0:1] + found[None][3:] == (3.0, 3.0, 1.0, "")


def test_the_edges_of_both_periods() -> None:
    """(t − 48 h, t − 24 h] and (t − 24 h, t]."""
    for hours, expected in ((0.0, (2, 1)), (24.0, (1, 2)), (24 - 1 / 3600, (2, 1)), (48.0, (1, 1))):
        found = changed(like("a", 1), like("b", 25), like("x", hours))[None]
        assert (found.numerator, found.denominator) == expected


def test_none_now_is_a_change_and_none_before_has_no_ratio() -> None:
    found = changed(*likes(6, 30))
    assert (found[None].value, found[None].lo) == (0.0, 0.0)
    assert found[None].hi == pytest.approx((1 - 0.025 ** (1 / 6)) / 0.025 ** (1 / 6), rel=1e-9)
    assert found["p"].value == 2 / 64
    found = changed(*likes(6, 3))
    assert found[None] == Figure(None, None, None, 6.0, None, "no_interactions")
    assert found["p"].value == 2 / 64


def test_of_nothing_nothing_can_be_said() -> None:
    found = changed()
    assert found[None] == Figure(None, None, None, 0.0, None, "no_interactions")
    assert found["p"].reason == "no_interactions"


def test_totals_that_fell_below_zero_are_not_compared() -> None:
    found = changed(like("f", 3, count=-2), *likes(3, 30))
    assert found[None].reason == found["p"].reason == "negative_count"
    assert found[None].value is None


def test_four_weeks_before_four_weeks_are_not_remembered() -> None:
    found = changed(*likes(4, 5), window="28d")
    assert found[None] == Figure(None, None, None, None, None, "beyond_horizon")
    assert found["p"].reason == "beyond_horizon"
    assert changed(*likes(4, 5), *likes(2, 200), window="7d")[None].value == 2.0
    columns = KPI.compute(inputs_of([(0, 0, 0, 0)], net=net_of_events([])), "28d")
    assert [column.coverage for column in columns] == [[0.0], [0.0]]


@pytest.mark.parametrize(
    ("now", "before", "reason"),
    [(1.0, 1.0, ""), (0.95, 0.95, ""), (1.0, 0.94, "not_covered"), (0.9, 1.0, "not_covered")],
)
def test_both_periods_must_have_been_watched(now: float, before: float, reason: str) -> None:
    asked: list[tuple[Place, int, int]] = []

    def watched(place: Place, begin: Ints, end: Ints) -> Floats:
        asked.append((place, int(begin[0]) - NOW_MS, int(end[0]) - NOW_MS))
        return np.array([now if end[0] == NOW_MS else before])

    events = [*likes(4, 5), *likes(8, 30)]
    inputs = inputs_of([(0, 0, 0, 0)], net=net_of_events(events), watched=watched)
    columns = KPI.compute(inputs, "24h")
    assert [column.coverage for column in columns] == [[min(now, before)]] * 2
    assert figures(KPI, inputs)[None].reason == reason
    place = ("interactions_change", "24h", None)
    assert asked[:2] == [(place, -2 * DAY, -DAY), (place, -DAY, 0)]


def test_each_account_alone() -> None:
    events = [like("a", 5), like("b", 5, account="b"), like("c", 30, account="b"), like("d", 30, account="b")]
    inputs = inputs_of([(0, 0, 0, 0)] * 2, net=net_of_events(events, "ab"))
    assert [figures(KPI, inputs, row=row)[None].value for row in range(2)] == [None, 0.5]


def test_counts_of_other_sources_are_compared_alike() -> None:
    whole, chance = change(np.array([4, 0, 5]), np.array([12, 0, 5]), np.array([True, True, False]))
    np.testing.assert_array_equal(whole.value, [4 / 12, np.nan, np.nan])
    assert chance.value[0] == pytest.approx(0.0768, abs=5e-5)
    assert whole.reason.tolist()[0] == 0
