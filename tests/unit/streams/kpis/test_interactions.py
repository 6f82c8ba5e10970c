"""Net interactions, the whole and each kind."""

import numpy as np
import pytest
from tests.inputs import columns, inputs_of

from resonanz_streams.kpis.base import REASONS
from resonanz_streams.kpis.interactions import KPI


def test_the_whole_is_the_sum_of_the_kinds_and_removals_stand_apart() -> None:
    found = columns(KPI, inputs_of([(3, 2, 1, 4)]))
    assert {part: column.value.tolist() for part, column in found.items()} == {
        None: [6.0], "like": [3.0], "comment": [2.0], "share": [1.0], "removed": [4.0]
    }  # fmt: skip


def test_the_interval_is_that_of_the_count() -> None:
    whole = columns(KPI, inputs_of([(4, 0, 0, 0)]))[None]
    assert whole.lo[0] == pytest.approx(1.090, abs=0.001)
    assert whole.hi[0] == pytest.approx(10.242, abs=0.001)
    assert whole.numerator.tolist() == [4.0]
    assert np.isnan(whole.denominator[0])


def test_a_covered_window_without_interactions_is_zero_and_one_that_nobody_watched_is_absent() -> None:
    found = columns(KPI, inputs_of([(0, 0, 0, 0)] * 3, coverage=[1.0, 0.01, 0.0]))[None]
    assert found.value[:2].tolist() == [0.0, 0.0]
    assert np.isnan([found.value[2], found.lo[2], found.hi[2], found.numerator[2]]).all()
    assert [REASONS[code] for code in found.reason] == ["", "", "not_covered"]


def test_what_arrived_is_shown_even_where_nobody_watched() -> None:
    found = columns(KPI, inputs_of([(2, 0, 0, 0)], coverage=[0.0]))
    assert found["like"].value.tolist() == [2.0]
    assert [REASONS[code] for code in found["like"].reason] == [""]
    assert [REASONS[code] for code in found["share"].reason] == ["not_covered"]


def test_a_negative_count_has_a_value_and_no_interval() -> None:
    found = columns(KPI, inputs_of([(-5, 2, 0, 0)]))[None]
    assert found.value.tolist() == [-3.0]
    assert np.isnan([found.lo[0], found.hi[0]]).all()
    assert [REASONS[code] for code in found.reason] == ["negative_count"]


def test_no_accounts() -> None:
    assert columns(KPI, inputs_of([]))[None].value.tolist() == []
