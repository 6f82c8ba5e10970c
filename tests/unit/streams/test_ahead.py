"""Operations that are later than now wait, also across restarts."""

import numpy as np

from resonanz_streams.ahead import Ahead, Operations
from resonanz_streams.ledger_rows import Entries, LedgerRows
from resonanz_streams.net_states import NEVER, States


def additions(*at_ms: int, source: str = "file") -> Operations:
    """One addition at each of these times; its key is its time."""
    times = np.array(at_ms, dtype=np.int64)
    count = len(times)
    return Operations(
        Entries(
            times.astype(np.uint64),
            States(times, np.ones(count, np.int64), np.full(count, NEVER)),
            np.zeros(count, np.uint32),
            np.zeros(count, np.uint8),
        ),
        [f"{source}{at}" for at in at_ms],
    )


def due(ahead: Ahead, now_ms: int) -> list[int]:
    return [at for operations in ahead.due(now_ms) for at in operations.at_ms.tolist()]


def test_each_operation_is_due_when_its_time_has_come() -> None:
    """
    ::

        10   20   30            first batch
             20        40       second
             |now
    """
    ahead = Ahead()
    ahead.add(additions(30, 10, 20))
    ahead.add(additions(20, 40))
    assert len(ahead) == 5
    assert due(ahead, 9) == []
    assert sorted(due(ahead, 20)) == [10, 20, 20]
    assert len(ahead) == 2
    assert due(ahead, 20) == []
    assert due(ahead, 1000) == [30, 40]
    assert len(ahead) == 0


def test_each_keeps_its_source() -> None:
    ahead = Ahead()
    ahead.add(additions(30, 10))
    assert [list(operations.sources) for operations in ahead.due(10)] == [["file10"]]
    assert [list(operations.sources) for operations in ahead.due(30)] == [["file30"]]


def test_removals_wait_too() -> None:
    one = additions(10).entries
    gone = Operations(
        Entries(
            one.keys, States(one.states.removed, one.states.weight, one.states.added), one.accounts, one.kinds
        ),
        ["file"],
    )
    ahead = Ahead()
    ahead.add(gone)
    assert due(ahead, 9) == []
    assert due(ahead, 10) == [10]


def test_nothing_waits_for_nothing() -> None:
    ahead = Ahead()
    ahead.add(additions())
    assert len(ahead) == 0
    assert ahead.take(LedgerRows(["file:a"]), 5) == {}


def test_what_waits_is_stored_once_and_deleted_when_all_of_its_row_was_due() -> None:
    ahead, rows = Ahead(), LedgerRows(["file:a"])
    ahead.add(additions(10, 30))
    assert set(ahead.take(rows, 5)) == {b"f/0"}
    assert ahead.take(rows, 5) == {}
    assert due(ahead, 20) == [10]
    assert ahead.take(rows, 20) == {}, "one of the row still waits"
    assert due(ahead, 30) == [30]
    assert ahead.take(rows, 30) == {b"f/0": None}


def test_what_came_due_before_it_was_stored_is_not_stored() -> None:
    ahead, rows = Ahead(), LedgerRows(["file:a"])
    ahead.add(additions(10))
    due(ahead, 10)
    assert ahead.take(rows, 10) == {}


def test_before_event_time_begins_everything_is_stored() -> None:
    ahead, rows = Ahead(), LedgerRows(["file:a"])
    ahead.add(additions(-5, 10))
    stored = ahead.take(rows, None)
    assert [len(rows.unpacked(data)) for data in stored.values() if data is not None] == [2]


def test_after_a_restart_it_waits_on_and_its_row_is_deleted_in_time() -> None:
    ahead, rows = Ahead(), LedgerRows(["file:a"])
    ahead.add(additions(10, 30))
    stored = {key: data for key, data in ahead.take(rows, 5).items() if data is not None}
    again, rows = Ahead(), LedgerRows(["file:a"])
    again.load({**stored, b"m": b"head", b"l/7": b"ledger"}, rows)
    assert due(again, 10) == [10]
    assert again.take(rows, 10) == {}
    assert due(again, 30) == [30]
    assert again.take(rows, 30) == {b"f/0": None}
