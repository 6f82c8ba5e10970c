"""1000 · I / F."""

import numpy as np
import pytest
from tests.inputs import columns, inputs_of

from resonanz_streams.kpis.base import REASONS
from resonanz_streams.kpis.engagement_rate_by_followers import KPI


def test_four_interactions_on_three_hundred_followers() -> None:
    """The reference of the catalogue: 13.3 per 1,000, interval 3.6 to 34.1."""
    found = columns(KPI, inputs_of([(2, 1, 1, 7)], followers=[300]))[None]
    assert round(float(found.value[0]), 1) == 13.3
    assert round(float(found.lo[0]), 1) == 3.6
    assert round(float(found.hi[0]), 1) == 34.1
    assert (found.numerator.tolist(), found.denominator.tolist()) == ([4.0], [300.0])
    assert [REASONS[code] for code in found.reason] == [""]


@pytest.mark.parametrize("followers", [np.nan, 0.0])
def test_without_followers_it_is_absent(followers: float) -> None:
    found = columns(
        KPI, inputs_of([(4, 0, 0, 0), (0, 0, 0, 0)], followers=[followers] * 2, coverage=[1.0, 0.0])
    )[None]
    assert np.isnan([*found.value, *found.lo, *found.hi, *found.denominator]).all()
    assert [REASONS[code] for code in found.reason] == ["no_followers", "no_followers"]


def test_no_interactions_on_some_followers_is_zero() -> None:
    found = columns(KPI, inputs_of([(0, 0, 0, 0)], followers=[300]))[None]
    assert found.value.tolist() == [0.0]
    assert found.lo.tolist() == [0.0]
    assert round(float(found.hi[0]), 1) == 12.3


def test_not_covered_and_negative_counts_keep_their_reasons() -> None:
    found = columns(KPI, inputs_of([(0, 0, 0, 0), (-3, 0, 0, 0)], followers=[300, 300], coverage=[0.0, 1.0]))[
        None
    ]
    assert [REASONS[code] for code in found.reason] == ["not_covered", "negative_count"]
    assert np.isnan(found.value[0])
    assert found.value[1] == -10.0
    assert np.isnan([found.lo[1], found.hi[1]]).all()


def test_the_mean_of_followers_need_not_be_whole() -> None:
    found = columns(KPI, inputs_of([(1, 0, 0, 0)], followers=[0.5]))[None]
    assert found.value.tolist() == [2000.0]
