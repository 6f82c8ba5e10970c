"""L/I, C/I, S/I."""

import pytest
from scipy import stats
from tests.inputs import inputs_of
from tests.nets import Figure, figures

from resonanz_streams.kpis.interaction_mix import KPI


def test_each_kind_of_all() -> None:
    found = figures(KPI, inputs_of([(5, 3, 2, 99)]))
    assert {part: (figure.value, figure.numerator, figure.denominator) for part, figure in found.items()} == {
        "like": (0.5, 5.0, 10.0), "comment": (0.3, 3.0, 10.0), "share": (0.2, 2.0, 10.0)
    }  # fmt: skip


@pytest.mark.parametrize(("part", "count"), [("like", 5), ("comment", 3), ("share", 2)])
def test_the_interval_is_wilson_s(part: str, count: int) -> None:
    found = figures(KPI, inputs_of([(5, 3, 2, 0)]))[part]
    expected = stats.binomtest(count, 10).proportion_ci(method="wilson")
    assert found.lo == pytest.approx(expected.low, rel=1e-9)
    assert found.hi == pytest.approx(expected.high, rel=1e-9)


def test_only_one_kind_is_all_of_it() -> None:
    found = figures(KPI, inputs_of([(4, 0, 0, 0)]))
    assert (found["like"].value, found["like"].hi) == (1.0, 1.0)
    assert (found["share"].value, found["share"].lo) == (0.0, 0.0)


def test_without_interactions_there_is_no_mix() -> None:
    inputs = inputs_of([(0, 0, 0, 7)] * 2, coverage=[1.0, 0.0])
    for part in ("like", "comment", "share"):
        assert figures(KPI, inputs, row=0)[part] == Figure(None, None, None, None, None, "no_interactions")
        assert figures(KPI, inputs, row=1)[part] == Figure(None, None, None, None, None, "not_covered")


def test_a_negative_kind_and_one_beyond_the_whole_are_no_shares() -> None:
    found = figures(KPI, inputs_of([(-1, 3, 1, 0)]))
    assert [found[part].reason for part in ("like", "comment", "share")] == ["negative_count", "", ""]
    found = figures(KPI, inputs_of([(-1, 3, 0, 0)]))
    assert [found[part].reason for part in ("like", "comment", "share")] == ["negative_count"] * 2 + [""]
    assert found["comment"].value is None
