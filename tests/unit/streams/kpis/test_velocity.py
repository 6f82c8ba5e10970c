"""Interactions a minute over the window's real length, and the busiest five minutes."""

import numpy as np
import pytest
from tests.inputs import columns, inputs_of

from resonanz_streams.kpis.base import REASONS, WINDOWS
from resonanz_streams.kpis.velocity import KPI


def test_interactions_a_minute() -> None:
    found = columns(KPI, inputs_of([(6, 3, 1, 99)]), "5m")[None]
    assert found.value.tolist() == [2.0]
    assert (found.numerator.tolist(), found.denominator.tolist()) == ([10.0], [5.0])
    assert round(float(found.lo[0]), 3) == round(4.795 / 5, 3)


def test_the_window_s_real_length_counts() -> None:
    """Between multiples of its resolution a window is up to that much longer than its name."""
    found = columns(KPI, inputs_of([(10, 0, 0, 0)], length_ms=309_000), "5m")[None]
    assert found.value[0] == pytest.approx(10 / 5.15)
    assert found.denominator.tolist() == [5.15]


def test_only_the_day_has_a_peak() -> None:
    assert [window for window in WINDOWS if "peak" in columns(KPI, inputs_of([(1, 0, 0, 0)]), window)] == [
        "24h"
    ]


def test_the_peak_is_of_five_minutes() -> None:
    found = columns(KPI, inputs_of([(10, 0, 0, 0)], peak=[1.6]))["peak"]
    assert found.value.tolist() == [1.6]
    assert (found.numerator.tolist(), found.denominator.tolist()) == ([8.0], [5.0])
    assert [REASONS[code] for code in found.reason] == [""]
    assert np.isnan([found.lo[0], found.hi[0]]).all()


def test_where_nobody_watched_there_is_no_peak_of_zero() -> None:
    found = columns(KPI, inputs_of([(0, 0, 0, 0)] * 2, coverage=[0.0, 0.5]))
    assert np.isnan(found[None].value[0])
    assert np.isnan([found["peak"].value[0], found["peak"].numerator[0]]).all()
    assert found["peak"].value[1] == 0.0
    assert [REASONS[code] for code in found["peak"].reason] == ["not_covered", ""]


def test_a_peak_that_came_where_nobody_watched_is_shown() -> None:
    found = columns(KPI, inputs_of([(8, 0, 0, 0)], coverage=[0.0], peak=[1.6]))["peak"]
    assert found.value.tolist() == [1.6]
