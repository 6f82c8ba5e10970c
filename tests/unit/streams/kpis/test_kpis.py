"""What holds for every KPI."""

from pathlib import Path

import numpy as np
import pytest
from tests.inputs import inputs_of

from resonanz_streams import kpis
from resonanz_streams.evaluation import evaluate
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import REASONS, WINDOWS, WINDOWS_MS, Kpi

INPUTS = inputs_of(
    [(4, 0, 0, 1), (0, 0, 0, 0), (-9, 2, 0, 0), (0, 0, 0, 0), (2**40, 0, 0, 0)],
    followers=[300, np.nan, 5, 0, 1],
    potential=[1000, 1000, np.nan, 1000, 3],
    coverage=[1.0, 0.0, 0.5, 0.2, 1.0],
)


def test_the_list_names_every_module_once_and_a_kpi_has_its_module_s_name() -> None:
    folder = Path(kpis.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "base", "columns"}
    assert sorted(kpi.id for kpi in KPIS) == sorted(modules)


def test_the_windows() -> None:
    assert WINDOWS == ("1m", "5m", "15m", "1h", "24h", "7d", "28d")
    assert [WINDOWS_MS[window] // 60_000 for window in WINDOWS] == [1, 5, 15, 60, 1440, 10_080, 40_320]


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_a_null_has_a_reason_and_an_interval_holds_its_value(kpi: Kpi) -> None:
    for window in kpi.windows:
        for column in kpi.compute(INPUTS, window):
            absent = np.isnan(column.value)
            assert (column.reason[absent] > 0).all()
            assert (column.reason < len(REASONS)).all()
            known = ~np.isnan(column.lo)
            assert not (known & absent).any()
            assert (column.lo[known] <= column.value[known]).all()
            assert (column.value[known] <= column.hi[known]).all()
            assert not np.isinf([column.value, column.lo, column.hi, column.numerator]).any()


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_a_kpi_can_be_checked_from_its_numerator_and_denominator(kpi: Kpi) -> None:
    per = {"per_1000": 1000}.get(kpi.unit, 1)
    for window in kpi.windows:
        for column in kpi.compute(INPUTS, window):
            if kpi.unit:
                again = per * column.numerator / column.denominator
                np.testing.assert_allclose(column.value, again, rtol=1e-12)
            else:
                np.testing.assert_array_equal(column.value, column.numerator)


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_same_input_same_numbers_whatever_stands_beside(kpi: Kpi) -> None:
    alone = inputs_of([(4, 0, 0, 1)], followers=[300], potential=[1000])
    for window in kpi.windows:
        for one, many in zip(kpi.compute(alone, window), kpi.compute(INPUTS, window), strict=True):
            if one.part != "peak":
                for name in ("value", "lo", "hi"):
                    np.testing.assert_array_equal(getattr(one, name)[0], getattr(many, name)[0])


def test_evaluation_goes_through_all_in_a_stable_order() -> None:
    found = [(kpi.id, window, column.part) for kpi, window, column in evaluate(INPUTS)]
    assert found[:6] == [
        ("interactions", "1m", None), ("interactions", "1m", "like"), ("interactions", "1m", "comment"),
        ("interactions", "1m", "share"), ("interactions", "1m", "removed"), ("interactions", "5m", None),
    ]  # fmt: skip
    assert len(found) == len(set(found)) == 7 * 5 + 7 + 1 + 7 + 7


def test_evaluation_can_be_narrowed() -> None:
    chosen = [kpi for kpi in KPIS if kpi.id == "velocity"]
    found = [(kpi.id, window, column.part) for kpi, window, column in evaluate(INPUTS, chosen, ("24h", "1m"))]
    assert found == [("velocity", "1m", None), ("velocity", "24h", None), ("velocity", "24h", "peak")]
