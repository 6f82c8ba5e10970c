"""What a partition's state takes in memory, and what it may take by the formulas that are stated for it.

Ledger: 80 B a key (32 B without details), and 85 B (37 B) for each of the newest keys (at most 32,768, and
those since the last flush), which wait for their row to fill. While segments are merged, up to three times
what is merged comes on top.
Rings: 26,740 B an account, and 32 B a change since the last tick; of the former, what an account without
events has stays untouched memory.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from resonanz_streams.ledger import BARE_BYTES, Ledger
from resonanz_streams.ledger_rows import HELD_ENTRIES, HELD_ENTRY_BYTES, LedgerRows
from resonanz_streams.windows import ACCOUNT_BYTES, DELTA_BYTES, Windows


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes that are held, and the most that the formula states."""

    held_bytes: int
    stated_bytes: int


def ledger_footprint(ledger: Ledger, rows: LedgerRows) -> Footprint:
    """Of the keys of a partition."""
    newest = HELD_ENTRIES + rows.unsaved
    of_newest = HELD_ENTRY_BYTES + ledger.entry_bytes - BARE_BYTES
    return Footprint(
        _held_bytes([*ledger.arrays(), *rows.arrays()]),
        ledger.entry_bytes * len(ledger) + of_newest * newest,
    )


def rings_footprint(windows: Windows, accounts: int) -> Footprint:
    """Of the counts of a partition's accounts."""
    stated = ACCOUNT_BYTES * accounts + DELTA_BYTES * windows.waiting
    return Footprint(_held_bytes(windows.arrays()), stated)


def _held_bytes(arrays: Iterable[NDArray[Any]]) -> int:
    """A view keeps the whole of what it looks at, which several may share."""
    owners = {}
    for array in arrays:
        owner: Any = array
        while isinstance(base := owner.base, type(array)):
            owner = base
        owners[id(owner)] = owner.nbytes
    return sum(owners.values())
