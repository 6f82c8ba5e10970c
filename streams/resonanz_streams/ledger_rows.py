"""How the ledger is kept: rows of packed entries, few and fat.

Each flush adds the keys that changed since the last one as a row. Small rows are merged with the ones
before them until they are full, so that their number stays small and each entry is written a few times
at most. A row tells everything itself: account names, kinds, times. Rows merge by maximum in any order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from resonanz_streams.errors import StopError
from resonanz_streams.ledger import NEVER, Keys, States, grouped

SCHEMA: Final = 1
ROW_PREFIX: Final = b"l/"
FULL_ROW: Final = 16_384
"""Entries of a full row: about 600 KB."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Keys with their states, and which account (index into a list of names) and kind each belongs to."""

    keys: Keys
    states: States
    accounts: NDArray[np.uint32]
    kinds: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.keys)

    def at(self, places: NDArray[np.intp]) -> "Entries":
        """The entries at these places."""
        return Entries(self.keys[places], self.states.at(places), self.accounts[places], self.kinds[places])

    @property
    def newest_ms(self) -> int:
        """The newest operation of any entry."""
        return int(np.maximum(self.states.added, self.states.removed).max(initial=NEVER))


class _Packed(msgspec.Struct, array_like=True):
    schema: int
    names: list[str]
    keys: bytes
    added: bytes
    removed: bytes
    weight: bytes
    accounts: bytes
    kinds: bytes


_decoder = msgspec.msgpack.Decoder(_Packed)


def united(parts: Sequence[Entries]) -> Entries:
    """All entries, each key once with its merged state, keys ascending."""
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return Entries(
            nothing.astype(np.uint64),
            States(nothing, nothing, nothing),
            nothing.astype(np.uint32),
            nothing.astype(np.uint8),
        )
    keys = np.concatenate([part.keys for part in parts])
    states = States(
        np.concatenate([part.states.added for part in parts]),
        np.concatenate([part.states.weight for part in parts]),
        np.concatenate([part.states.removed for part in parts]),
    )
    order, starts, merged = grouped(keys, states)
    first = order[starts]
    accounts = np.concatenate([part.accounts for part in parts])[first]
    kinds = np.concatenate([part.kinds for part in parts])[first]
    return Entries(keys[first], merged, accounts, kinds)


class LedgerRows:
    """The rows of one partition. ``names`` are the accounts that ``Entries.accounts`` points into; names
    of accounts that are no longer configured stay at its end, so that their entries survive."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names: list[str] = list(names)
        self._index = {name: place for place, name in enumerate(self.names)}
        self._changed: list[Entries] = []
        self._small: list[tuple[int, Entries]] = []
        self._full: dict[int, int] = {}
        self.next_id = 0

    def record(self, entries: Entries) -> None:
        """Remember a change for the next flush."""
        if len(entries):
            self._changed.append(entries)

    def take(self, floor_ms: int) -> dict[bytes, bytes | None]:
        """The rows to write now and those to delete: merged ones, and those entirely before ``floor_ms``."""
        rows: dict[bytes, bytes | None] = {}
        for number in [number for number, newest in self._full.items() if newest < floor_ms]:
            del self._full[number]
            rows[_row_key(number)] = None
        if not self._changed:
            return rows
        pending = united(self._changed)
        self._changed = []
        while self._small and len(self._small[-1][1]) <= 2 * len(pending):
            number, entries = self._small.pop()
            rows[_row_key(number)] = None
            pending = united([entries, pending])
        for start in range(0, len(pending), FULL_ROW):
            part = pending.at(np.arange(start, min(start + FULL_ROW, len(pending))))
            number, self.next_id = self.next_id, self.next_id + 1
            rows[_row_key(number)] = self._pack(part)
            if len(part) == FULL_ROW:
                self._full[number] = part.newest_ms
            else:
                self._small.append((number, part))
        return rows

    def load(self, rows: Mapping[bytes, bytes], next_id: int) -> Entries:
        """Take over what is stored; returns all entries.

        Raises:
            StopError: a row was written by another version.
        """
        self.next_id = next_id
        parts = []
        for key in sorted(rows):
            number, entries = int(key.removeprefix(ROW_PREFIX)), self._unpack(rows[key])
            parts.append(entries)
            if len(entries) >= FULL_ROW:
                self._full[number] = entries.newest_ms
            else:
                self._small.append((number, entries))
        self._small.sort(key=lambda row: row[0])
        return united(parts)

    def _pack(self, entries: Entries) -> bytes:
        used, place = np.unique(entries.accounts, return_inverse=True)
        return msgspec.msgpack.encode(
            _Packed(
                SCHEMA,
                [self.names[account] for account in used.tolist()],
                entries.keys.astype("<u8").tobytes(),
                entries.states.added.astype("<i8").tobytes(),
                entries.states.removed.astype("<i8").tobytes(),
                entries.states.weight.astype("<i4").tobytes(),
                place.astype("<u4").tobytes(),
                entries.kinds.tobytes(),
            )
        )

    def _unpack(self, data: bytes) -> Entries:
        try:
            row = _decoder.decode(data)
        except msgspec.DecodeError as error:
            raise StopError(f"a row of the state cannot be read ({error}); run: resonanz rebuild") from None
        if row.schema != SCHEMA:
            raise StopError(
                f"the state was written by schema {row.schema}, this version reads {SCHEMA}; "
                "run the version that wrote it, or recompute with: resonanz rebuild"
            )
        places = np.array([self._place(name) for name in row.names], dtype=np.uint32)
        return Entries(
            np.frombuffer(row.keys, "<u8").astype(np.uint64),
            States(
                np.frombuffer(row.added, "<i8").astype(np.int64),
                np.frombuffer(row.weight, "<i4").astype(np.int64),
                np.frombuffer(row.removed, "<i8").astype(np.int64),
            ),
            places[np.frombuffer(row.accounts, "<u4")],
            np.frombuffer(row.kinds, np.uint8),
        )

    def _place(self, name: str) -> int:
        place = self._index.get(name)
        if place is None:
            place = self._index[name] = len(self.names)
            self.names.append(name)
        return place


def _row_key(number: int) -> bytes:
    return ROW_PREFIX + b"%d" % number
