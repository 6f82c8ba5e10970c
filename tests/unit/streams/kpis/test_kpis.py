"""What holds for every KPI."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.inputs import clients_with, inputs_of
from tests.nets import answer, comment, like, net_of_events, post, removed, share, told

from resonanz_streams import kpis
from resonanz_streams.evaluation import evaluate
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import REASONS, WINDOWS, WINDOWS_MS, Column, Floats, Ints, Kpi, Voice

FIRST = (
    post("p", 9),
    like("l", 8, topics=["rye"]),
    like("m", 30),
    comment("c", 7),
    answer("r", 6, "c"),
    comment("d", 5, parent="r", topics=["rye", "spelt"], flags=["bot"]),
    comment("e", 4),
    removed(comment("e", 4), 3),
    share("s", 2, venue="elsewhere"),
    post("f", 6, venue="elsewhere"),
    *(post(f"b{n}", 60 + n) for n in range(4)),
    *(like(f"l{n}", 59 + n, object=f"b{n}") for n in range(4)),
)
TOLD = (told("p", 1, reach=50, impressions=60),)
OTHERS = (
    like("t", 5, account="c", count=-9),
    comment("u", 5, account="c", count=2, topics=["rye"]),
    post("q", 9, account="c"),
    like("v", 5, account="c", object="q", count=-1),
    post("q", 9, account="e"),
    like("w", 5, account="e", object="q", count=2**31 - 1, topics=["spelt"]),
    like("x", 5, account="e", count=-5),
)


def _followers_at(followers: list[float]) -> Callable[[Ints, Ints], Floats]:
    return lambda rows, _: np.array(followers)[rows]


BRANDS = Voice("1", "rye", ("rye", "spelt"))
FOLLOWERS = [300.0, np.nan, 5.0, 0.0, 1.0]
INPUTS = inputs_of(
    [(4, 0, 0, 1), (0, 0, 0, 0), (-9, 2, 0, 0), (0, 0, 0, 0), (2**40, 0, 0, 0)],
    followers=FOLLOWERS,
    potential=[1000, 1000, np.nan, 1000, 3],
    coverage=[1.0, 0.0, 0.5, 0.2, 1.0],
    posts=[1, 0, 1, 0, 1],
    net=net_of_events([*OTHERS, *FIRST], "abcde", told=TOLD),
    followers_at=_followers_at(FOLLOWERS),
    clients=clients_with(5, targets=[["l", "z"], ["l"], [], [], ["w"]], voices=[BRANDS, None] * 2 + [BRANDS]),
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
            for numbers, what in ((column.numerator, kpi.numerator), (column.denominator, kpi.denominator)):
                assert what or np.isnan(numbers).all()
            if kpi.shape == "total":
                np.testing.assert_array_equal(column.value, column.numerator)
            elif column.part == "p":
                assert ((column.value >= 0) & (column.value <= 1) | np.isnan(column.value)).all()
            elif kpi.shape == "statistic":
                assert (column.denominator[~np.isnan(column.value)] > 0).all()
            else:
                again = per * column.numerator / column.denominator
                np.testing.assert_allclose(column.value, again, rtol=1e-12)


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_same_input_same_numbers_whatever_stands_beside(kpi: Kpi) -> None:
    alone = inputs_of(
        [(4, 0, 0, 1)],
        followers=[300],
        potential=[1000],
        posts=[1],
        net=net_of_events(FIRST, told=TOLD),
        followers_at=_followers_at([300.0]),
        clients=clients_with(1, targets=[["l", "z"]], voices=[BRANDS]),
    )
    for window in kpi.windows:
        assert _of_first(kpi.compute(alone, window)) == _of_first(kpi.compute(INPUTS, window))


def _of_first(columns: Sequence[Column]) -> list[tuple[str | None, list[str]]]:
    """Part and numbers, as text so that what is null is equal."""
    found = []
    for column in columns:
        rows = [0] if column.rows is None else np.flatnonzero(column.rows == 0).tolist()
        for row in rows:
            part = column.part if column.rows is None else column.parts[row]
            numbers = (column.value, column.lo, column.hi, column.numerator, column.denominator)
            found.append((part, [float(each[row]).hex() for each in numbers]))
    return found


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_the_parts_of_an_account_are_named_once(kpi: Kpi) -> None:
    for window in kpi.windows:
        found = [part for part, _ in _of_first(kpi.compute(INPUTS, window))]
        assert len(found) == len(set(found)) > 0
        assert all(kpi.means(part) for part in found if part is not None)


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_only_a_kpi_that_names_an_interval_has_one(kpi: Kpi) -> None:
    columns = [column for window in kpi.windows for column in kpi.compute(INPUTS, window)]
    assert any((~np.isnan(column.lo)).any() for column in columns) == bool(kpi.interval)
    assert kpi.formula


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_of_no_accounts_there_is_nothing(kpi: Kpi) -> None:
    nobody = inputs_of([], net=net_of_events([], ()), followers_at=_followers_at([]))
    for window in kpi.windows:
        for column in kpi.compute(nobody, window):
            assert column.value.tolist() == []


def test_evaluation_goes_through_all_in_a_stable_order() -> None:
    shallow = [kpi for kpi in KPIS if not kpi.deep]
    found = [
        (kpi.id, window, column.part) for kpi, window, column in evaluate(replace(INPUTS, net=None), shallow)
    ]
    assert found[:6] == [
        ("interactions", "1m", None), ("interactions", "1m", "like"), ("interactions", "1m", "comment"),
        ("interactions", "1m", "share"), ("interactions", "1m", "removed"), ("interactions", "5m", None),
    ]  # fmt: skip
    assert len(found) == len(set(found)) == 7 * 5 + 7 + 7 + 1 + 7 + 7 + 3 * 3 + 4 * 3 + 2


def test_what_stands_is_asked_for_by_the_deep_ones_only() -> None:
    found = {kpi.id for kpi, _, _ in evaluate(inputs_of([(4, 0, 0, 1)]))}
    assert found == {kpi.id for kpi in KPIS if not kpi.deep}
    assert {kpi.id for kpi in KPIS if kpi.deep} == {kpi.id for kpi, _, _ in evaluate(INPUTS)} - found


def test_evaluation_can_be_narrowed() -> None:
    chosen = [kpi for kpi in KPIS if kpi.id == "velocity"]
    bare = replace(INPUTS, net=None)
    found = [(kpi.id, window, column.part) for kpi, window, column in evaluate(bare, chosen, ("24h", "1m"))]
    assert found == [("velocity", "1m", None), ("velocity", "24h", None), ("velocity", "24h", "peak")]
