"""How the ledger is kept: few, fat rows, each below what a broker takes."""

import numpy as np

from resonanz_streams.ledger_rows import (
    FULL_BYTES,
    ROW_BYTES,
    ROW_ENTRIES,
    Entries,
    LedgerRows,
    joined,
    united,
)
from resonanz_streams.net_states import NEVER, States

BROKER_TAKES = 900_000


def entries(
    keys: range, *, added: int = 100, removed: int = NEVER, weight: int = 1, account: int = 0
) -> Entries:
    count = len(keys)
    return Entries(
        np.array(keys, dtype=np.uint64),
        States(np.full(count, added), np.full(count, weight), np.full(count, removed)),
        np.full(count, account, dtype=np.uint32),
        np.full(count, 2, dtype=np.uint8),
    )


class Stored:
    """Rows as a broker would keep them."""

    def __init__(self, *names: str) -> None:
        self.names = names or ("file:a",)
        self.ledger = LedgerRows(self.names)
        self.rows: dict[bytes, bytes] = {}
        self.written = 0

    def flush(self, *changed: Entries, floor_ms: int = NEVER) -> dict[bytes, bytes | None]:
        for part in changed:
            self.ledger.record(part)
        rows = self.ledger.take(floor_ms)
        for key, data in rows.items():
            if data is None:
                del self.rows[key]
            else:
                self.rows[key] = data
                self.written += len(data)
        return rows

    def loaded(self, *names: str) -> tuple[LedgerRows, Entries]:
        rows = LedgerRows(names or self.names)
        return rows, rows.load(self.rows, self.ledger.next_id)


def test_what_is_written_comes_back_as_it_was() -> None:
    stored = Stored("file:a", "file:b")
    stored.flush(
        entries(range(3), added=100, weight=-7),
        entries(range(2**64 - 2, 2**64), added=200, removed=300, weight=2**31 - 1, account=1),
        entries(range(5, 6), added=NEVER, removed=400, weight=0),
    )
    _, found = stored.loaded()
    assert found.keys.tolist() == [0, 1, 2, 5, 2**64 - 2, 2**64 - 1]
    assert found.states.added.tolist() == [100, 100, 100, NEVER, 200, 200]
    assert found.states.removed.tolist() == [NEVER, NEVER, NEVER, 400, 300, 300]
    assert found.states.weight.tolist() == [-7, -7, -7, 0, 2**31 - 1, 2**31 - 1]
    assert found.accounts.tolist() == [0, 0, 0, 0, 1, 1]
    assert found.kinds.tolist() == [2] * 6


def test_a_key_that_stands_in_several_rows_is_the_maximum_of_them_in_any_order() -> None:
    stored = Stored()
    # Three rows, the first two too large to be merged with the next.
    stored.flush(entries(range(1000), added=100))
    stored.flush(entries(range(100), added=300, removed=200))
    stored.flush(entries(range(10), added=50, removed=400))
    assert len(stored.rows) == 3
    _, found = stored.loaded()
    assert found.keys.tolist() == list(range(1000))
    assert found.states.added.tolist() == [300] * 100 + [100] * 900
    assert found.states.removed.tolist() == [400] * 10 + [200] * 90 + [NEVER] * 900


def test_nothing_new_writes_nothing() -> None:
    stored = Stored()
    assert stored.flush() == {}
    stored.flush(entries(range(3)))
    assert stored.flush() == {}


def test_small_rows_are_merged_so_that_they_stay_few() -> None:
    stored = Stored()
    for number in range(500):
        stored.flush(entries(range(number * 10, number * 10 + 10)))
    assert len(stored.rows) <= 12
    _, found = stored.loaded()
    assert found.keys.tolist() == list(range(5000))
    assert stored.written < 33 * 5000 * 12, "each entry is written a few times, not five hundred"


def test_a_row_is_never_larger_than_a_broker_takes() -> None:
    stored = Stored()
    stored.flush(entries(range(50_000)))
    assert max(len(row) for row in stored.rows.values()) < ROW_BYTES < BROKER_TAKES
    assert len(stored.rows) == 4
    assert len(stored.loaded()[1]) == 50_000


def test_long_account_names_make_more_rows() -> None:
    names = [f"file:{number:04}" + "x" * 500 for number in range(3000)]
    stored = Stored(*names)
    many = entries(range(3000))
    stored.flush(Entries(many.keys, many.states, np.arange(3000, dtype=np.uint32), many.kinds))
    assert len(stored.rows) > 1
    assert max(len(row) for row in stored.rows.values()) < ROW_BYTES
    _, found = stored.loaded()
    assert found.accounts.tolist() == list(range(3000))


def test_full_rows_are_not_written_again_and_leave_when_all_of_them_is_too_old() -> None:
    stored = Stored()
    full = FULL_BYTES // 33 + 1
    stored.flush(entries(range(full), added=100))
    assert stored.flush(entries(range(full, 2 * full), added=200)).keys() == {b"l/1"}
    assert stored.flush(floor_ms=100) == {}
    assert stored.flush(floor_ms=101) == {b"l/0": None}
    assert stored.flush(floor_ms=201) == {b"l/1": None}


def test_no_two_rows_ever_have_the_same_number_over_restarts() -> None:
    stored = Stored()
    stored.flush(entries(range(ROW_ENTRIES)))
    stored.flush(entries(range(ROW_ENTRIES, ROW_ENTRIES + 2)))
    ledger, _ = stored.loaded()
    ledger.record(entries(range(100_000, 100_001)))
    assert set(ledger.take(NEVER)) == {b"l/1", b"l/2"}, "the small one is merged into a new one"


def test_accounts_that_are_not_configured_any_more_keep_their_entries() -> None:
    """Their names stand behind the configured ones, so they have no row in the windows."""
    stored = Stored("file:a", "file:b")
    stored.flush(entries(range(2), account=0), entries(range(2, 4), account=1))
    ledger, found = stored.loaded("file:b", "file:c")
    assert found.accounts.tolist() == [2, 2, 0, 0]
    assert ledger.names == ["file:b", "file:c", "file:a"]


def test_foreign_rows_of_the_state_are_left_alone() -> None:
    stored = Stored()
    stored.flush(entries(range(3)))
    stored.rows[b"m"] = b"head"
    stored.rows[b"a/file:a"] = b"followers"
    assert len(stored.loaded()[1]) == 3


def test_nothing_joined_is_nothing() -> None:
    assert len(joined([])) == 0
    assert len(united([])) == 0
    assert joined([]).newest_ms == NEVER


def test_united_merges_each_key_once() -> None:
    found = united([entries(range(2), added=1), entries(range(1, 3), added=2, weight=9)])
    assert found.keys.tolist() == [0, 1, 2]
    assert found.states.added.tolist() == [1, 2, 2]
    assert found.states.weight.tolist() == [1, 9, 9]
    assert found.newest_ms == 2
