"""Which interactions look like bots, spam or a burst, and which a client leaves out by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.events import SIGNALS
from resonanz_streams.net.pairs import pairs
from resonanz_streams.net.table import NetTable
from resonanz_streams.net_states import Flags, Ints, Keys, Places

BURST: Final = SIGNALS.index("burst")
"""Events may declare it; it is also found here."""

_BUCKET_BITS: Final = 20


@dataclass(frozen=True, slots=True)
class Burst:
    """More than ``most`` interactions of one person on one account in less than ``within_ms``."""

    most: int = 20
    within_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class Pattern:
    """What an exclusion leaves out of an account: from ``from_ms`` on, before ``to_ms``.

    ``actors``: only theirs, as :data:`resonanz_streams.details.ACTOR` has them; None: everybody's.
    ``flags``: only what has one of these; empty: whatever it has.
    """

    from_ms: int
    to_ms: int
    actors: Keys | None = None
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Screening:
    """What the clients say of it, one entry an account. Equal to itself only: tables remember by it."""

    bursts: Sequence[Burst]
    patterns: Sequence[Sequence[Pattern]]

    def of(self, rows: Sequence[int]) -> "Screening":
        """That of some accounts."""
        return Screening([self.bursts[row] for row in rows], [self.patterns[row] for row in rows])


def signals(table: NetTable, screening: Screening) -> NDArray[np.uint8]:
    """Of each row a bit for each of :data:`SIGNALS`; 0 of what is no interaction."""
    declared = [
        sum(1 << bit for bit, name in enumerate(SIGNALS) if name in facet.flags) for facet in table.facets
    ]
    found = np.array(declared, dtype=np.uint8)[table.facet]
    found[~table.interactions] = 0
    found[_bursts(table, screening.bursts)] |= np.uint8(1 << BURST)
    return found


def left_out(table: NetTable, screening: Screening) -> Places:
    """The interactions that are suspect or excluded, in order of time."""
    suspect = table.once(signals, screening) != 0
    return np.flatnonzero(suspect | _excluded(table, screening.patterns))


def authentic(table: NetTable, screening: Screening) -> NetTable:
    """The table as if these had been taken back."""
    stands = table.stands.copy()
    stands[table.once(left_out, screening)] = False
    return replace(table, stands=stands, _made={})


def _bursts(table: NetTable, bursts: Sequence[Burst]) -> Places:
    """The rows of all bursts. Who did it must be told, and totals are not one person's doing."""
    rows = np.flatnonzero(table.interactions & (table.actors != 0) & (table.weights == 1))
    people, most = pairs(table.accounts[rows], table.actors[rows]), _most(table, rows, bursts)
    # Hardly anybody does so much: only who shares a bucket with as many interactions is looked at.
    bucket = (people >> np.uint64(64 - _BUCKET_BITS)).astype(np.intp)
    many = np.flatnonzero(np.bincount(bucket, minlength=1 << _BUCKET_BITS)[bucket] > most)
    # Stable: each person's stay in order of time.
    many = many[np.argsort(people[many], kind="stable")]
    rows, people, most = rows[many], people[many], most[many]
    within_ms = np.array([burst.within_ms for burst in bursts], dtype=np.int64)[table.accounts[rows]]
    last = np.arange(len(rows)) + most
    first = np.flatnonzero(last < len(rows))
    last = last[first]
    lasted = table.at_ms[rows[last]] - table.at_ms[rows[first]]
    burst = (people[last] == people[first]) & (lasted < within_ms[first])
    open_bursts = np.zeros(len(rows) + 1, dtype=np.int64)
    np.add.at(open_bursts, first[burst], 1)
    np.add.at(open_bursts, last[burst] + 1, -1)
    return rows[np.cumsum(open_bursts[:-1]) > 0]


def _most(table: NetTable, rows: Places, bursts: Sequence[Burst]) -> Ints:
    found: Ints = np.array([burst.most for burst in bursts], dtype=np.int64)[table.accounts[rows]]
    return found


def _excluded(table: NetTable, patterns: Sequence[Sequence[Pattern]]) -> Flags:
    found = np.zeros(len(table), dtype=np.bool_)
    for account, of_account in enumerate(patterns):
        for pattern in of_account:
            start, end = np.searchsorted(table.at_ms, (pattern.from_ms, pattern.to_ms)).tolist()
            span = slice(start, max(start, end))
            chosen = table.accounts[span] == account
            if pattern.actors is not None:
                chosen &= np.isin(table.actors[span], pattern.actors)
            if pattern.flags:
                flagged = [not pattern.flags.isdisjoint(facet.flags) for facet in table.facets]
                chosen &= table.of_facets(flagged)[span]
            found[span] |= chosen
    return found & table.interactions
