"""KPIs of others: which are taken, and what they may do."""

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.custom_kpis import FAILING, HEARTS, VANDAL, column, point
from tests.inputs import inputs_of

from resonanz_streams.catalogue import custom_kpis, known_kpis, kpis_by_id
from resonanz_streams.custom_columns import WrongColumnError, checked
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.evaluation import KpiFailures, evaluate
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import REASONS, Kpi
from resonanz_streams.snapshots import entries_of

INPUTS = inputs_of([(4, 0, 0, 0), (0, 2, 0, 0)])


def test_without_others_there_are_ours() -> None:
    assert known_kpis() == KPIS
    assert list(kpis_by_id().values()) == list(KPIS)


def test_those_of_others_come_in_the_order_of_their_names() -> None:
    found = custom_kpis([point("VANDAL"), point("FAILING"), point("HEARTS")])
    assert [kpi.id for kpi in found] == ["failing", "hearts", "vandal"]
    (column,) = found[1].compute(INPUTS, "1h")
    assert column.value.tolist() == [4, 0]


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("gone", "nowhere.at.all:KPI", "cannot be loaded (ModuleNotFoundError: No module named 'nowhere')"),
        ("gone", "tests.custom_kpis:GONE", "cannot be loaded (AttributeError: "),
        ("loads", "json:loads", "is a function and no resonanz_streams.kpis.base.Kpi"),
        ("SPACED", None, "id 'two words' may hold lower case letters"),
        ("OURS", None, "there is a KPI velocity already; choose another id"),
        ("COVERAGE", None, "/metrics calls something else coverage; choose another id"),
        ("CLIENT", None, "/metrics calls something else client_hearts"),
        (
            "UNIT",
            None,
            "unit 'percent' is none; write one of '', 'per_minute', 'per_1000', 'ratio', 'seconds'",
        ),
        ("SHAPE", None, "shape 'square' is none; write one of 'quotient', 'total', 'statistic'"),
        ("TWO_HOURS", None, "windows ('1h', '2h') must be some of 1m, 5m, 15m, 1h, 24h, 7d, 28d"),
        ("NO_WINDOW", None, "windows () must be some of"),
        ("DEEP_MINUTE", None, "windows ('1m',) must be some of 24h, 7d, 28d"),
        ("LINES", None, "help must be a line of text"),
        ("BACKSLASH", None, "help must be a line of text, without a backslash"),
        ("FORMULA", None, "formula must be a line of text"),
        ("NO_FUNCTION", None, "compute is no function"),
        ("MERGE", None, "merge 'median' is none; write one of 'count', 'sum', "),
        ("NO_PARTS", None, "most_parts 0 must be a number above 0"),
        ("ODD_PART", None, "part 'account:x' must be a name"),
    ],
)
def test_one_that_cannot_be_used_is_a_sentence_that_names_its_entry_point(
    name: str, value: str | None, fault: str
) -> None:
    one = point(name, value)
    with pytest.raises(ConfigurationError) as caught:
        custom_kpis([one])
    begin = f"entry point {one.name} = {one.value} in group resonanz.kpis: "
    assert str(caught.value).startswith(begin + fault)
    assert str(caught.value).endswith("; mend it, or uninstall what brings it")


def test_all_mistakes_are_told_at_once_and_an_id_is_given_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        custom_kpis([point("HEARTS"), point("again", "tests.custom_kpis:HEARTS"), point("UNIT")])
    # In the order of the names, the first one has the id.
    assert [line.split()[2] for line in str(caught.value).splitlines()] == ["hearts", "unit"]
    assert "there is a KPI hearts already" in str(caught.value)


def test_a_custom_kpi_cannot_change_what_others_are_computed_from() -> None:
    inputs = inputs_of([(4, 0, 0, 0)])
    with pytest.raises(ValueError, match="read-only"):
        checked(VANDAL).compute(inputs, "1h")
    assert inputs.counts["1h"].tolist() == [[4, 0, 0, 0, 0]]


THREE = np.ones(3)
ROWS = np.array([0, 1])
DEEP_HEARTS = replace(HEARTS, deep=True, windows=("24h",))


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ([{"value": THREE}], "value must be 2 numbers of float64"),
        ([{"hi": [1.0, 1.0]}], "hi must be 2 numbers of float64"),
        ([{"numerator": np.array([1, 1])}], "numerator must be 2 numbers of float64"),
        ([{"value": np.array([1, np.inf])}], "value is infinite"),
        ([{"coverage": np.array([0.5])}], "coverage must be 2 numbers of float64 from 0 to 1"),
        ([{"coverage": np.array([0.5, 1.5])}], "coverage must be 2 numbers of float64 from 0 to 1"),
        ([{"reason": np.zeros(2)}], "reason must be 2 integers"),
        ([{"reason": np.array([0, len(REASONS)])}], "reason must be one of"),
        ([{"value": np.array([1, np.nan])}], "a value is null without a reason"),
        ([{"rows": np.array([0, 2]), "parts": ["a", "b"]}], "rows must be integers below 2"),
        ([{"rows": ROWS, "parts": ["a"]}], "parts must be 2 names"),
        ([{"rows": np.array([0, 0]), "parts": ["a", "a"]}], "a part is given twice"),
        ([{"part": "a"}, {"part": "a"}], "a part is given twice"),
        ([{"part": "a"}, {"rows": ROWS, "parts": ["b", "a"]}], "a part is given twice"),
        ([{"part": "two words"}], "part 'two words' must be a name"),
        ([{"part": "account:x"}], "part 'account:x' must be a name"),
        ([{}, {"part": "a"}, {"part": "b"}], "gave 3 parts, most_parts says 2"),
        ([{}, {"rows": np.array([1, 1]), "parts": ["a", "b"]}], "gave 3 parts, most_parts says 2"),
    ],
)
def test_what_is_no_column_of_these_accounts_is_refused(given: list[dict[str, Any]], fault: str) -> None:
    columns = [column(**changes) for changes in given]
    wrong = replace(DEEP_HEARTS, most_parts=2, compute=lambda _, __: columns)
    with pytest.raises(WrongColumnError) as caught:
        checked(wrong).compute(INPUTS, "24h")
    assert str(caught.value).startswith(fault)


def test_an_interval_says_whose_it_is() -> None:
    nobodys = replace(HEARTS, interval="", compute=lambda _, __: [column(lo=np.zeros(2), hi=np.ones(2))])
    with pytest.raises(WrongColumnError, match="gave an interval, and interval does not say whose"):
        checked(nobodys).compute(INPUTS, "1h")


def test_what_is_right_passes() -> None:
    some = column(rows=ROWS, parts=["mood:glad", "mood:sad"], coverage=np.array([0.5, 1.0]))
    columns = [column(), some]
    right = replace(DEEP_HEARTS, most_parts=2, compute=lambda _, __: columns)
    assert checked(right).compute(INPUTS, "24h") == columns
    parts = [column(), column(part="mood:glad")]
    ticked = replace(HEARTS, most_parts=2, compute=lambda _, __: parts)
    assert checked(ticked).compute(INPUTS, "1h") == parts
    nothing: list[Any] = [7]
    with pytest.raises(WrongColumnError, match="gave a int and no Column"):
        checked(replace(HEARTS, compute=lambda _, __: nothing)).compute(INPUTS, "1h")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"rows": ROWS[::-1], "parts": ["mood:glad"] * 2}, "gave parts of some accounts"),
        ({"rows": ROWS[:0], "parts": []}, "gave parts of some accounts"),
        ({"coverage": np.array([0.5, 1.0])}, "gave a coverage of its own"),
    ],
)
def test_one_that_is_not_deep_gives_a_value_for_each_account_or_is_left_out(
    given: dict[str, Any], fault: str
) -> None:
    size = len(given.get("rows", ROWS))
    columns = [column(size, **given)]
    wrong = checked(replace(HEARTS, id="moods", most_parts=2, compute=lambda _, __: columns))
    with pytest.raises(WrongColumnError) as caught:
        wrong.compute(INPUTS, "1h")
    assert str(caught.value) == f"{fault}, which only a KPI with deep=True can have"
    failures = KpiFailures()
    inputs = replace(INPUTS, kpis=[wrong, HEARTS])
    entries = [own[0] for own in entries_of(inputs, failures.columns)]
    assert {entry.kpi for entry in entries} == {"hearts"}
    assert len(entries) == len(HEARTS.windows)
    assert failures.counts == {"moods": len(HEARTS.windows)}


def test_one_that_raises_is_left_out_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    failures = KpiFailures()

    def found(*kpis: Kpi) -> list[str]:
        return [kpi.id for kpi, _, _ in evaluate(INPUTS, kpis, ("1h", "24h"), compute=failures.columns)]

    with caplog.at_level(logging.ERROR):
        assert found(FAILING, HEARTS) == ["hearts", "hearts"]
        assert found(FAILING) == []
    assert failures.counts == {"failing": 4}
    (told,) = caplog.messages
    assert told == (
        "KPI failing cannot be computed and is left out (ZeroDivisionError over 1h: by nobody); "
        "all others go on"
    )
    with pytest.raises(ZeroDivisionError):
        list(evaluate(INPUTS, [FAILING]))
