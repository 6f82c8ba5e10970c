"""Time from an own post to each interaction on it."""

from random import Random
from typing import Any

import numpy as np
import pytest
from tests.inputs import clients_with, inputs_of
from tests.nets import Figure, ago, comment, figures, like, net_of_events, post, removed, share

from resonanz_streams.kpis.reaction_time import KPI, grouped_quantile


def reactions(
    *events: dict[str, Any], window: str = "24h", zone: str = "UTC", coverage: float = 1.0
) -> dict[str | None, Figure]:
    """Now is 22:13:20 UTC."""
    inputs = inputs_of(
        [(0, 0, 0, 0)], net=net_of_events(events), clients=clients_with(1, zones=[zone]), coverage=[coverage]
    )
    return figures(KPI, inputs, window)


def test_median_ninetieth_half_life_and_hour() -> None:
    #  post p, 10 h ago (12:13):   1 h  2 h  3 h      half of them after 2 h
    #  post q,  9 h ago (13:13):             4 h  7 h                    5.5 h
    found = reactions(
        post("p", 10), like("a", 9), comment("b", 8), share("c", 7),
        post("q", 9), like("d", 5, object="q"), like("e", 2, object="q"),
    )  # fmt: skip
    hours = {part: (figure.value or 0) / 3600 for part, figure in found.items()}
    assert hours == pytest.approx({None: 3, "p90": 5.8, "half_life": 3.75, "hour:12": 2, "hour:13": 5.5})
    assert {part: figure.denominator for part, figure in found.items()} == {
        None: 5.0, "p90": 5.0, "half_life": 2.0, "hour:12": 3.0, "hour:13": 2.0
    }  # fmt: skip


def test_the_window_is_of_the_interactions_not_of_the_post() -> None:
    said = [post("p", 30), like("a", 24), like("b", 0, at=ago(24) + 1), like("c", 20)]
    assert reactions(*said)[None].value == 8 * 3600 + 0.0005
    assert reactions(*said, window="7d")[None].value == 6 * 3600 + 0.001


@pytest.mark.parametrize(("zone", "hour"), [("UTC", "12"), ("Europe/Berlin", "13"), ("Asia/Kathmandu", "17")])
def test_the_hour_is_that_of_the_client_s_day(zone: str, hour: str) -> None:
    assert f"hour:{hour}" in reactions(post("p", 10), like("a", 9), zone=zone)


def test_when_the_clocks_go_back_the_hour_comes_twice() -> None:
    """29 October 2023, 00:30 and 01:30 UTC are both 02:30 in Berlin."""
    first, second = 1_698_539_400_000, 1_698_543_000_000
    found = reactions(
        post("p", 0, at=first), like("a", 0, at=first + 1000),
        post("q", 0, at=second), like("b", 0, object="q", at=second + 3000),
        window="28d", zone="Europe/Berlin",
    )  # fmt: skip
    assert [found["hour:02"].value, found["hour:02"].denominator] == [2.0, 2.0]


def test_own_people_removals_totals_and_what_is_on_no_own_post_do_not_count() -> None:
    gone = like("g", 8)
    found = reactions(
        post("p", 10), like("a", 9), like("o", 2, own=True), gone, removed(gone, 7), like("t", 2, count=5),
        like("z", 2, object="z"), comment("n", 2, object=None, thread=None),
        post("q", 9, venue="elsewhere"), like("e", 2, object="q"),
        like("f", 2, object="r"), post("r", 9, op="remove"),
    )  # fmt: skip
    assert [found[None].value, found[None].denominator] == [3600.0, 1.0]


def test_an_interaction_before_its_post_took_no_time() -> None:
    assert reactions(post("p", 10), like("a", 11))[None].value == 0.0


def test_without_interactions_on_a_post_it_is_absent() -> None:
    for events in ([], [post("p", 10)], [like("a", 9)]):
        assert reactions(*events) == dict.fromkeys(
            (None, "p90", "half_life"), Figure(None, None, None, None, None, "no_interactions")
        )
    assert reactions(coverage=0.0)[None].reason == "not_covered"


def test_a_like_taken_back_and_given_again_is_as_late_as_the_last() -> None:
    again = like("a", 4)
    found = reactions(post("p", 10), again, like("a", 9), removed(like("a", 9), 8), again)
    assert [found[None].value, found[None].denominator] == [6 * 3600.0, 1.0]


@pytest.mark.parametrize("seed", range(20))
def test_quantiles_are_numpy_s(seed: int) -> None:
    rng = Random(seed)
    groups = np.array([rng.choice((0, 2, 3, 7)) for _ in range(rng.randint(1, 60))])
    values = np.array([rng.randint(0, 10**6) for _ in groups])
    for quantile in (0.0, 0.5, 0.9, 1.0):
        distinct, found = grouped_quantile(groups, values, quantile)
        assert distinct.tolist() == sorted(set(groups.tolist()))
        expected = [np.quantile(values[groups == group], quantile) for group in distinct.tolist()]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
