"""How the ledger is kept: rows of packed entries, few and fat.

Each flush adds the keys that changed since the last one as a row. Small rows are merged with the ones
before them until they are full, so that their number stays small and each entry is written a few times
at most. A row tells everything itself: account names, kinds, times. Rows merge by maximum in any order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from resonanz_streams.details import FACET, PLACE, WIDTH, Facet, Facets, facet_table, place_of
from resonanz_streams.errors import RECOUNT, StopError
from resonanz_streams.net_states import NEVER, Keys, States, concatenated, grouped
from resonanz_streams.unreadable import UNREADABLE

SCHEMA: Final = 2
ROW_PREFIX: Final = b"l/"
ROW_ENTRIES: Final = 16_384
"""Entries of a row at most: 540 KB without details, and the account names."""

ROW_BYTES: Final = 700_000
"""A row at most: a broker takes 1 MB."""

FULL_BYTES: Final = ROW_BYTES // 2
"""A row of this size is not merged with others again."""

HELD_ENTRY_BYTES: Final = 37
"""Without details."""

HELD_ENTRIES: Final = 2 * ROW_ENTRIES
"""Of rows that are not full, which stay in memory: their sizes fall by a factor of two."""


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
        return int(self.states.newest.max(initial=NEVER))


class _Packed(msgspec.Struct, array_like=True):
    schema: int
    names: list[str]
    keys: bytes
    added: bytes
    removed: bytes
    weight: bytes
    accounts: bytes
    kinds: bytes
    details: bytes = b""
    facets: list[Facet] = []


_decoder = msgspec.msgpack.Decoder(_Packed)


def joined(parts: Sequence[Entries]) -> Entries:
    """All entries, one after the other."""
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return Entries(
            nothing.astype(np.uint64),
            States(nothing, nothing, nothing),
            nothing.astype(np.uint32),
            nothing.astype(np.uint8),
        )
    return Entries(
        np.concatenate([part.keys for part in parts]),
        concatenated([part.states for part in parts]),
        np.concatenate([part.accounts for part in parts]),
        np.concatenate([part.kinds for part in parts]),
    )


def united(parts: Sequence[Entries]) -> Entries:
    """All entries, each key once with its merged state, keys ascending."""
    entries = joined(parts)
    if not len(entries):
        return entries
    order, starts, states = grouped(entries.keys, entries.states)
    first = order[starts]
    return Entries(entries.keys[first], states, entries.accounts[first], entries.kinds[first])


class LedgerRows:
    """The rows of one partition.

    ``names`` are the accounts that ``Entries.accounts`` points into; names of accounts that are no longer
    configured stay at its end, so that their entries survive. ``facets``: those that the entries' details
    speak of; None if they have no details.
    """

    def __init__(self, names: Iterable[str], facets: Facets | None = None) -> None:
        self.names: list[str] = list(names)
        self._facets = facets
        self._index = {name: place for place, name in enumerate(self.names)}
        self._changed: list[Entries] = []
        self._small: list[tuple[int, Entries]] = []
        self._full: dict[int, int] = {}
        self.next_id = 0

    def record(self, entries: Entries) -> None:
        """Remember a change for the next flush."""
        if len(entries):
            self._changed.append(entries)

    @property
    def unsaved(self) -> int:
        """Changes since the last flush."""
        return sum(map(len, self._changed))

    def arrays(self) -> Iterator[NDArray[Any]]:
        """All that is held of rows which are not full, and of changes that no row has yet."""
        for entries in (*self._changed, *(entries for _, entries in self._small)):
            states = entries.states
            yield from (entries.keys, states.added, states.weight, states.removed)
            yield from (entries.accounts, entries.kinds)
            if states.details is not None:
                yield states.details

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
        for number, part, data in self.packed(pending):
            rows[_row_key(number)] = data
            self._keep(number, part, data)
        return rows

    def packed(self, entries: Entries) -> Iterator[tuple[int, Entries, bytes]]:
        """The entries in rows that a broker takes, each with a number that no other row has."""
        for start in range(0, len(entries), ROW_ENTRIES):
            part = entries.at(np.arange(start, min(start + ROW_ENTRIES, len(entries))))
            for fitting, data in self._fitting(part):
                number, self.next_id = self.next_id, self.next_id + 1
                yield number, fitting, data

    def _fitting(self, entries: Entries) -> Iterator[tuple[Entries, bytes]]:
        """The entries in as many rows as their account names make necessary."""
        data = self._pack(entries)
        if len(data) <= ROW_BYTES:
            yield entries, data
            return
        middle = len(entries) // 2
        yield from self._fitting(entries.at(np.arange(middle)))
        yield from self._fitting(entries.at(np.arange(middle, len(entries))))

    def _keep(self, number: int, entries: Entries, data: bytes) -> None:
        if len(data) >= FULL_BYTES:
            self._full[number] = entries.newest_ms
        else:
            self._small.append((number, entries))

    def load(self, rows: Mapping[bytes, bytes], next_id: int) -> Entries:
        """Take over what is stored among these rows; returns all entries.

        Raises:
            StopError: a row was written by another version.
        """
        self.next_id = next_id
        parts = []
        numbers = {
            int(key.removeprefix(ROW_PREFIX)): data
            for key, data in rows.items()
            if key.startswith(ROW_PREFIX)
        }
        for number, data in sorted(numbers.items()):
            parts.append(self.unpacked(data))
            self._keep(number, parts[-1], data)
        return united(parts)

    def _pack(self, entries: Entries) -> bytes:
        used, place = np.unique(entries.accounts, return_inverse=True)
        details, facets = self._packed_details(entries)
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
                details,
                facets,
            )
        )

    def _packed_details(self, entries: Entries) -> tuple[bytes, list[Facet]]:
        """A facet's place in the row's own table stands for its hash."""
        if entries.states.details is None or self._facets is None:
            return b"", []
        facets, places = facet_table(entries.states.details, self._facets.table())
        details = entries.states.details[:, :PLACE].astype("<u8")
        details[:, FACET] = places
        return details.tobytes(), list(facets)

    def _details(self, row: _Packed, accounts: NDArray[np.uint32], kinds: NDArray[np.uint8]) -> Keys | None:
        if self._facets is None:
            return None
        if len(kinds) and not row.details:
            raise StopError(f"what was counted lacks what the chosen KPIs ask for; {RECOUNT}")
        details = np.zeros((len(kinds), WIDTH), dtype=np.uint64)
        details[:, :PLACE] = np.frombuffer(row.details, "<u8").reshape(len(kinds), PLACE)
        details[:, PLACE] = place_of(accounts, kinds)
        numbers = np.array(self._facets.learn(row.facets), dtype=np.uint64)
        details[:, FACET] = numbers[details[:, FACET].astype(np.int64)]
        return details

    def unpacked(self, data: bytes) -> Entries:
        """The entries of a row.

        Raises:
            StopError: it was written by another version.
        """
        try:
            row = _decoder.decode(data)
        except UNREADABLE as error:
            raise StopError(f"a row of the state cannot be read ({error}); {RECOUNT}") from None
        if row.schema != SCHEMA:
            raise StopError(
                f"the state was written by schema {row.schema}, this version reads {SCHEMA}; "
                f"run the version that wrote it, or {RECOUNT}"
            )
        try:
            return self._entries(row)
        except (ValueError, IndexError) as error:
            raise StopError(f"a row of the state cannot be read ({error}); {RECOUNT}") from None

    def _entries(self, row: _Packed) -> Entries:
        places = np.array([self._place(name) for name in row.names], dtype=np.uint32)
        accounts = places[np.frombuffer(row.accounts, "<u4")]
        kinds = np.frombuffer(row.kinds, np.uint8)
        entries = Entries(
            np.frombuffer(row.keys, "<u8").astype(np.uint64),
            States(
                np.frombuffer(row.added, "<i8").astype(np.int64),
                np.frombuffer(row.weight, "<i4").astype(np.int64),
                np.frombuffer(row.removed, "<i8").astype(np.int64),
                self._details(row, accounts, kinds),
            ),
            accounts,
            kinds,
        )
        states = entries.states
        parts = (states.added, states.weight, states.removed, entries.accounts, entries.kinds)
        if any(len(part) != len(entries) for part in parts):
            raise ValueError("parts of different lengths")
        return entries

    def adopted(self, entries: Entries, names: Sequence[str]) -> Entries:
        """Entries whose accounts point into ``names``, of the same facets, as ours."""
        used, place = np.unique(entries.accounts, return_inverse=True)
        places = np.array([self._place(names[account]) for account in used.tolist()], dtype=np.uint32)
        accounts = places[place]
        states = entries.states
        if states.details is not None:
            details = states.details.copy()
            details[:, PLACE] = place_of(accounts, entries.kinds)
            states = States(states.added, states.weight, states.removed, details)
        return Entries(entries.keys, states, accounts, entries.kinds)

    def _place(self, name: str) -> int:
        place = self._index.get(name)
        if place is None:
            place = self._index[name] = len(self.names)
            self.names.append(name)
        return place


def _row_key(number: int) -> bytes:
    return ROW_PREFIX + b"%d" % number
