"""What net states add to the windows."""

import numpy as np

from resonanz_streams.contributions import net_deltas, standing
from resonanz_streams.kpis.base import REMOVED
from resonanz_streams.ledger import Changes
from resonanz_streams.net_states import NEVER, States
from resonanz_streams.windows import Deltas

Row = tuple[int, int, int, int]
"""Account, column, time, weight."""


def states(*triples: tuple[int, int, int]) -> States:
    """(added, weight, removed) each."""
    columns = np.array(triples, dtype=np.int64).reshape(-1, 3)
    return States(columns[:, 0], columns[:, 1], columns[:, 2])


def rows_of(deltas: Deltas) -> list[Row]:
    columns = (deltas.rows, deltas.columns, deltas.at_ms, deltas.weights)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def changed(before: tuple[int, int, int], after: tuple[int, int, int]) -> list[Row]:
    """What the change of one key of account 5, a comment, does to the windows."""
    changes = Changes(np.zeros(1, np.uint64), np.zeros(1, np.intp), states(before), states(after))
    rows = rows_of(net_deltas(changes, np.array([5]), np.array([1])))
    return [row for row in rows if row[3] != 0]


def test_an_addition_stands_in_its_kind_an_undone_one_under_removed() -> None:
    found = standing(
        states((100, 2, NEVER), (100, 3, 200), (NEVER, 0, 200)), np.array([0, 1, 2]), np.array([0, 1, 2])
    )
    assert rows_of(found) == [(0, 0, 100, 2), (1, REMOVED, 100, 3)]


def test_a_new_addition_comes() -> None:
    assert changed((NEVER, 0, NEVER), (100, 2, NEVER)) == [(5, 1, 100, 2)]


def test_an_undone_addition_moves_to_removed() -> None:
    assert changed((100, 2, NEVER), (100, 2, 200)) == [(5, 1, 100, -2), (5, REMOVED, 100, 2)]


def test_a_repeated_addition_moves_to_its_new_time() -> None:
    assert changed((100, 2, 200), (300, 2, 200)) == [(5, REMOVED, 100, -2), (5, 1, 300, 2)]


def test_a_removal_of_nothing_changes_nothing() -> None:
    assert changed((NEVER, 0, NEVER), (NEVER, 0, 200)) == []
