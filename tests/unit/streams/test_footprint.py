"""What is held, beside what is stated for it."""

import numpy as np

from resonanz_streams.footprint import Footprint, ledger_footprint, rings_footprint
from resonanz_streams.ledger import Ledger
from resonanz_streams.ledger_rows import Entries, LedgerRows
from resonanz_streams.net_states import States, alone
from resonanz_streams.windows import Deltas, Windows

NOTHING_IN_ROWS = 37 * 32_768


def additions(first: int, count: int) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint64]], States]:
    keys = np.arange(first, first + count, dtype=np.uint64)
    at_ms = np.full(count, 1_000 + first)
    return keys, alone(at_ms, np.zeros(count, dtype=np.bool_), np.ones(count, dtype=np.int64))


def merge(ledger: Ledger) -> None:
    while (job := ledger.merge_job()) is not None:
        job()()


def test_a_ledger_holds_what_is_stated_through_all_its_merges() -> None:
    """400,000 keys in batches, of which the older half is forgotten."""
    ledger, rows = Ledger(2**30), LedgerRows([])
    for batch in range(40):
        ledger.apply(*additions(10_000 * batch, 10_000))
        ledger.forget(1_000 + 10_000 * (batch - 20))
        merge(ledger)
    assert ledger_footprint(ledger, rows) == Footprint(32 * len(ledger), 32 * len(ledger) + NOTHING_IN_ROWS)
    assert 200_000 <= len(ledger) < 400_000


def test_keys_of_rows_that_are_not_full_count_too() -> None:
    ledger, rows = Ledger(2**30), LedgerRows(["file:a"])
    keys, states = additions(0, 1_000)
    of_account = np.zeros(1_000, dtype=np.uint32), np.zeros(1_000, dtype=np.uint8)
    rows.record(Entries(keys, states, *of_account))
    assert ledger_footprint(ledger, rows) == Footprint(37_000, 37_000 + NOTHING_IN_ROWS)
    rows.take(0)
    assert ledger_footprint(ledger, rows) == Footprint(37_000, NOTHING_IN_ROWS)


def test_a_view_counts_with_all_that_it_keeps_in_memory() -> None:
    ledger = Ledger(2**30)
    keys, states = additions(0, 100_000)
    ledger.load(keys[:10], states.at(np.arange(10)))
    assert ledger_footprint(ledger, LedgerRows([])).held_bytes == 800_000 + 240


def test_changes_that_wait_for_their_time_count_with_the_rings() -> None:
    windows = Windows(2)
    windows.advance(1_700_000_000_000)
    assert rings_footprint(windows, 2) == Footprint(53_480, 53_480)
    later = np.array([1_700_000_001_000], dtype=np.int64)
    zero = np.zeros(1, dtype=np.int64)
    windows.add(Deltas(zero, zero, later, zero + 1))
    assert rings_footprint(windows, 2) == Footprint(53_512, 53_512)
