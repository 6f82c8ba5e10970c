"""1·L + 2·C + 3·S."""

from tests.inputs import clients_with, inputs_of
from tests.nets import Figure, figures

from resonanz_streams.kpis.base import WINDOWS
from resonanz_streams.kpis.weighted_interactions import KPI


def test_a_comment_is_two_likes_and_a_share_three() -> None:
    found = figures(KPI, inputs_of([(5, 4, 3, 99)]))
    assert found == {None: Figure(22.0, None, None, 22.0, 12.0, "")}


def test_a_watched_window_without_interactions_is_zero_and_one_that_nobody_watched_is_absent() -> None:
    inputs = inputs_of([(0, 0, 0, 0)] * 2 + [(1, 0, 0, 0)], coverage=[0.1, 0.0, 0.0])
    assert figures(KPI, inputs, row=0)[None] == Figure(0.0, None, None, 0.0, 0.0, "")
    assert figures(KPI, inputs, row=1)[None] == Figure(None, None, None, None, None, "not_covered")
    assert figures(KPI, inputs, row=2)[None] == Figure(1.0, None, None, 1.0, 1.0, "")


def test_a_negative_count_says_so() -> None:
    assert figures(KPI, inputs_of([(-7, 2, 0, 0)]))[None] == Figure(
        -3.0, None, None, -3.0, -5.0, "negative_count"
    )


def test_each_client_has_its_own_weights() -> None:
    inputs = inputs_of([(5, 4, 3, 0)], clients=clients_with(1, weights=(0.5, 0, 10)))
    assert figures(KPI, inputs)[None] == Figure(32.5, None, None, 32.5, 12.0, "")


def test_it_is_there_for_every_window() -> None:
    assert KPI.windows == WINDOWS
    assert not KPI.deep
