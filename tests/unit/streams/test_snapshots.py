"""What topic ``kpis`` is told of each account, and when."""

import itertools
import json
from dataclasses import replace
from typing import Any

import numpy as np
from tests.custom_kpis import FAILING, HEARTS
from tests.engines import registry_of
from tests.inputs import inputs_of

from resonanz_streams.evaluation import KpiFailures
from resonanz_streams.kpis.base import Floats, Inputs, Ints
from resonanz_streams.snapshots import REFRESH_MS, SnapshotBook, chosen, entries_of, share_of_time

CLOCK_MS = 1_700_000_000_000


def book_of(*accounts: str, every_tick: bool = False) -> SnapshotBook:
    return SnapshotBook(registry_of(*accounts).accounts_of(0), every_tick=every_tick)


def told(
    book: SnapshotBook, inputs: Inputs, clock_ms: int = CLOCK_MS, slices: int | None = None
) -> list[str]:
    """The accounts that are told now, in order; with ``slices`` only those of so many."""
    parts = filter(None, book.encode(book.due(inputs, clock_ms), inputs, clock_ms))
    return [key.decode() for part in itertools.islice(parts, slices) for key, _ in part]


def snapshots(book: SnapshotBook, inputs: Inputs) -> dict[str, Any]:
    rows = book.due(inputs, CLOCK_MS)
    parts = list(book.encode(rows, inputs, CLOCK_MS, read={"likes": 7}))
    return {key.decode(): json.loads(value) for part in parts for key, value in part}


ONE = [(3, 1, 0, 2)]


def test_a_snapshot_says_everything_of_an_account() -> None:
    inputs = inputs_of(ONE, followers=[300], coverage=[0.5])
    found = snapshots(book_of("file:a"), inputs)["file:a"]
    head = {name: value for name, value in found.items() if name != "kpis"}
    assert head == {
        "v": 1, "at_ms": CLOCK_MS, "client": "fleet", "platform": "file", "account": "file:a",
        "coverage": 0.5, "read": {"likes": 7},
    }  # fmt: skip
    entries = {(entry["kpi"], entry["window"], entry["part"]): entry for entry in found["kpis"]}
    assert len(entries) == len(found["kpis"]) == 7 * 5 + 7 + 7 + 1 + 7 + 3 * 3 + 4 * 3 + 7 + 2
    whole = entries["interactions", "5m", None]
    assert (whole["value"], whole["numerator"], whole["denominator"], whole["coverage"]) == (
        4.0,
        4.0,
        None,
        0.5,
    )
    assert round(whole["hi"], 3) == 10.242
    assert entries["interactions", "5m", "removed"]["value"] == 2.0
    rate = entries["engagement_rate_by_followers", "24h", None]
    assert (round(rate["value"], 1), rate["reason"]) == (13.3, None)
    absent = entries["interactions_per_potential", "24h", None]
    assert absent == {
        "kpi": "interactions_per_potential", "window": "24h", "part": None, "value": None, "lo": None,
        "hi": None, "numerator": 4.0, "denominator": None, "coverage": 0.5, "reason": "no_potential",
    }  # fmt: skip


def test_every_account_has_its_own_numbers_however_many_there_are() -> None:
    """More than are evaluated together."""
    count = 1234
    names = [f"file:{number}" for number in range(count)]
    inputs = inputs_of([(number, 0, 0, 0) for number in range(count)], peak=list(range(count)))
    found = snapshots(book_of(*names), inputs)
    assert list(found) == names
    for number, name in enumerate(names):
        entries = {(e["kpi"], e["window"], e["part"]): e["value"] for e in found[name]["kpis"]}
        assert entries["interactions", "1m", None] == number
        assert entries["velocity", "24h", "peak"] == number


def test_only_what_changed_is_told_again() -> None:
    book = book_of("file:a", "file:b")
    assert told(book, inputs_of([(1, 0, 0, 0), (2, 0, 0, 0)])) == ["file:a", "file:b"]
    assert told(book, inputs_of([(1, 0, 0, 0), (2, 0, 0, 0)]), CLOCK_MS + 1000) == []
    assert told(book, inputs_of([(1, 0, 0, 0), (2, 0, 0, 1)]), CLOCK_MS + 2000) == ["file:b"]


def test_followers_potential_and_coverage_are_changes_too() -> None:
    book = book_of("file:a")
    told(book, inputs_of(ONE))
    for inputs in (
        inputs_of(ONE, followers=[300]),
        inputs_of(ONE, followers=[301]),
        inputs_of(ONE, followers=[301], potential=[5]),
        inputs_of(ONE, followers=[301], potential=[5], coverage=[0.9]),
        inputs_of(ONE),
    ):
        assert told(book, inputs) == ["file:a"]
        assert told(book, inputs) == []


def test_a_coverage_that_moves_by_less_than_a_hundredth_is_no_change() -> None:
    """It moves with every tick of a connector that is away."""
    book = book_of("file:a")
    told(book, inputs_of(ONE, coverage=[0.901]))
    assert told(book, inputs_of(ONE, coverage=[0.902])) == []


def test_the_unchanged_are_told_again_so_that_a_reader_sees_them_alive() -> None:
    book = book_of("file:a")
    told(book, inputs_of(ONE))
    assert told(book, inputs_of(ONE), CLOCK_MS + REFRESH_MS - 1) == []
    assert told(book, inputs_of(ONE), CLOCK_MS + REFRESH_MS) == ["file:a"]


def test_on_the_event_clock_everything_is_told_when_time_moves() -> None:
    book = book_of("file:a", every_tick=True)
    assert told(book, inputs_of(ONE)) == ["file:a"]
    assert told(book, inputs_of(ONE)) == []
    assert told(book, replace(inputs_of(ONE), now_ms=CLOCK_MS + 1)) == ["file:a"]


def test_without_time_left_some_are_told_and_the_others_come_first_the_next_time() -> None:
    names = [f"file:{number:03}" for number in range(200)]
    book = book_of(*names)
    inputs = inputs_of([(1, 0, 0, 0)] * 200)
    first = told(book, inputs, CLOCK_MS, slices=1)
    assert 0 < len(first) < 200
    changed = inputs_of([(2, 0, 0, 0)] * 200)
    second = told(book, changed, CLOCK_MS + 1000)
    assert sorted(second) == names
    assert second[-len(first) :] == first, "who was told before comes last"


def test_no_accounts_are_told_nothing() -> None:
    assert told(book_of(), inputs_of([])) == []


def test_a_kpi_that_fails_is_left_out_of_every_snapshot() -> None:
    failures = KpiFailures()
    book = SnapshotBook(registry_of("file:a", "file:b").accounts_of(0), compute=failures.columns)
    inputs = replace(inputs_of([(4, 0, 0, 0), (1, 0, 0, 0)]), kpis=[FAILING, HEARTS])
    told = [value for some in book.encode(book.due(inputs, 1), inputs, 1) for _, value in some]
    assert [{entry["kpi"] for entry in json.loads(value)["kpis"]} for value in told] == [{"hearts"}] * 2
    assert failures.counts == {"failing": 7}


def test_without_any_kpi_of_counts_an_account_is_told_even_so() -> None:
    for kpis in ([], [FAILING]):
        book = SnapshotBook(registry_of("file:a").accounts_of(0), compute=KpiFailures().columns)
        inputs = replace(inputs_of([(4, 0, 0, 0)]), kpis=kpis)
        (told,) = [value for some in book.encode(book.due(inputs, 1), inputs, 1) for _, value in some]
        assert json.loads(told)["kpis"] == []


def test_inputs_of_some_accounts_only() -> None:
    inputs = inputs_of([(1, 0, 0, 0), (2, 0, 0, 0), (3, 0, 0, 0)], peak=[1, 2, 3], potential=[4, 5, 6])
    some = chosen(inputs, np.array([2, 0]))
    assert some.counts["5m"][:, 0].tolist() == [3, 1]
    assert some.peak_per_minute().tolist() == [3.0, 1.0]
    assert some.potential.tolist() == [6.0, 4.0]


def test_the_busier_the_worker_the_less_time_goes_into_snapshots() -> None:
    assert [round(share_of_time(load), 3) for load in (0.0, 0.3, 0.9, 0.93, 1.0, 1.8)] == [
        0.4, 0.28, 0.04, 0.03, 0.03, 0.03
    ]  # fmt: skip


def test_followers_at_a_time_are_those_of_the_accounts_that_are_told() -> None:
    """Of three accounts the third one and the first: 300 had been 290, 7 had been 4."""
    now, before = np.array([300.0, 50.0, 7.0]), np.array([290.0, 50.0, 4.0])

    def followers_at(rows: Ints, times: Ints) -> Floats:
        return np.where(times == CLOCK_MS, now[rows], before[rows])

    inputs = inputs_of(ONE * 3, followers=now.tolist(), followers_at=followers_at)
    changes = [
        [entry.numerator for entry in entries]
        for entries in entries_of(chosen(inputs, np.array([2, 0])))
        if (entries[0].kpi, entries[0].part) == ("stagnation", None)
    ]
    assert changes == [[3.0, 10.0]]
