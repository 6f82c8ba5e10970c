"""|F now - F 28 days ago| / F, and whether that is below 0.5 %."""

import numpy as np
import pytest
from tests.inputs import NOW_MS, inputs_of
from tests.nets import DAY, Figure, figures

from resonanz_streams.audience import AudienceBook
from resonanz_streams.kpis.base import Floats, Ints
from resonanz_streams.kpis.stagnation import KPI


def stagnation(before: float, now: float, mean: float) -> dict[str | None, Figure]:
    def steps(_: Ints, times: Ints) -> Floats:
        return np.where(times == NOW_MS, now, before)

    return figures(KPI, inputs_of([(0, 0, 0, 0)], followers=[mean], followers_at=steps), "28d")


@pytest.mark.parametrize(
    ("before", "now", "mean", "share", "stagnant"),
    [
        (1000, 1000, 1000, 0.0, 1),
        (1000, 1004, 1000, 0.004, 1),
        (1004, 1000, 1000, 0.004, 1),
        (1000, 1005, 1000, 0.005, 0),
        (200, 199, 200, 0.005, 0),
        (300, 360, 333.25, 60 / 333.25, 0),
        (0, 5, 2, 2.5, 0),
    ],
)
def test_the_change_over_the_mean(before: int, now: int, mean: float, share: float, stagnant: int) -> None:
    found = stagnation(before, now, mean)
    assert found[None] == Figure(share, None, None, abs(now - before), mean, "")
    assert found["stagnant"] == Figure(stagnant, None, None, stagnant, 1.0, "")


@pytest.mark.parametrize(
    ("before", "now", "mean"),
    [(np.nan, 5, 5), (5, np.nan, 5), (5, 5, np.nan), (0, 0, 0)],
    ids=["unknown then", "unknown now", "no mean", "nobody"],
)
def test_without_followers_it_is_absent(before: float, now: float, mean: float) -> None:
    null = Figure(None, None, None, None, None, "no_followers")
    assert stagnation(before, now, mean) == {None: null, "stagnant": null}


def test_a_snapshot_speaks_for_48_hours_at_either_end() -> None:
    """
    ::

        t-30d+1     t-28d          t-2d+1       t
        1,000 ├──────┤ ....  1,010 ├────────────┤      10 / mean
    """
    start = NOW_MS - 28 * DAY
    for late, known in ((1, True), (0, False)):
        book = AudienceBook(1)
        book.add(0, start - 2 * DAY + 1, 1000)
        book.add(0, NOW_MS - 2 * DAY + late, 1010)
        mean = book.mean(NOW_MS, {"28d": 28 * DAY})["28d"][0]
        found = figures(KPI, inputs_of([(0, 0, 0, 0)], followers=[mean], followers_at=book.at()), "28d")[None]
        assert (found.numerator == 10.0) == known
        assert (found.reason == "no_followers") != known


def test_only_28_days_are_looked_at_and_not_deep() -> None:
    assert (KPI.windows, KPI.deep) == (("28d",), False)
