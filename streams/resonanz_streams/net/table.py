"""What stands at an instant, as one table: for the KPIs that no ring of counts can give."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.details import (
    ACTOR,
    OBJECT,
    PARENT,
    PLACE,
    THREAD,
    Facet,
    facet_table,
)
from resonanz_streams.events import LEDGER_KINDS
from resonanz_streams.net_states import NEVER, Flags, Ints, Keys, Places, States

T = TypeVar("T")
P = ParamSpec("P")
Floats = NDArray[np.float64]
Known = Callable[[Ints, Keys], tuple[Floats, Floats]]
"""Of account rows and objects: reach and impressions, NaN where nobody knows."""

LIKE, COMMENT, SHARE, POST = range(len(LEDGER_KINDS))
_KIND: Final = np.uint64(0xFF)


@dataclass(frozen=True, slots=True)
class NetTable:
    """The newest addition of every key, in order of time up to ``now_ms``; of what was removed only the
    comments, as tombstones of their threads.

    ``begin_ms``: nothing earlier is known. ``accounts``: rows below ``size``; ``kinds``: LIKE, COMMENT,
    SHARE, POST; ``weights``: 0 of the client's own people; ``facet[i]`` is a place in ``facets``; ``reach``
    and ``impressions``: of posts, NaN where nobody knows them; for the others see
    :mod:`resonanz_streams.details`.
    """

    now_ms: int
    begin_ms: int
    size: int
    keys: Keys
    accounts: Ints
    kinds: NDArray[np.uint8]
    at_ms: Ints
    weights: Ints
    stands: Flags
    actors: Keys
    objects: Keys
    parents: Keys
    threads: Keys
    facet: Places
    facets: Sequence[Facet]
    reach: Floats
    impressions: Floats
    _made: dict[Any, Any] = field(default_factory=dict, repr=False)

    def once(self, make: "Callable[Concatenate[NetTable, P], T]", *more: P.args, **named: P.kwargs) -> T:
        """What ``make`` gives for this table and the others; it is made once, however many KPIs ask."""
        asked = make, more, tuple(named.items())
        if asked not in self._made:
            self._made[asked] = make(self, *more, **named)
        found: T = self._made[asked]
        return found

    def __len__(self) -> int:
        return len(self.keys)

    def since(self, start_ms: int) -> slice:
        """The rows later than ``start_ms``."""
        return slice(int(np.searchsorted(self.at_ms, start_ms, side="right")), len(self))

    def of_facets(self, holds: Sequence[bool]) -> Flags:
        """The rows whose facet holds this, one answer for each of ``facets``."""
        found: Flags = np.array(holds, dtype=np.bool_)[self.facet]
        return found

    @property
    def own(self) -> Flags:
        """By the client's own people, and posts."""
        found: Flags = self.of_facets([facet.own for facet in self.facets]) | (self.kinds == POST)
        return found

    @property
    def interactions(self) -> Flags:
        """What counts as an interaction: it stands, and an own actor did not do it."""
        found: Flags = self.stands & (self.kinds < POST) & (self.weights != 0)
        return found

    def totals(self, recent: slice, chosen: Flags) -> Ints:
        """Per account what the chosen ones of the recent rows weigh together."""
        totals = np.zeros(self.size, dtype=np.int64)
        np.add.at(totals, self.accounts[recent][chosen], self.weights[recent][chosen])
        return totals


def distinct(accounts: Ints, values: Keys) -> tuple[Ints, Keys]:
    """Each account and value once, ordered by account, then value."""
    order = np.lexsort((values, accounts))
    accounts, values = accounts[order], values[order]
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (accounts[1:] != accounts[:-1]) | (values[1:] != values[:-1])
    return accounts[first], values[first]


def net_table(
    keys: Keys,
    states: States,
    facets: Mapping[int, Facet],
    size: int,
    now_ms: int,
    *,
    begin_ms: int,
    known: Known | None = None,
) -> NetTable:
    """The table of these states of distinct keys, which hold details; without accounts beyond ``size``.

    Nothing from before ``begin_ms`` is in it, whether or not a ledger has got round to forgetting it.
    ``known``: what platforms have told of posts.
    """
    assert states.details is not None  # noqa: S101  # asked for by nobody else
    kinds = (states.details[:, PLACE] & _KIND).astype(np.uint8)
    accounts = (states.details[:, PLACE] >> np.uint64(8)).astype(np.int64)
    there = (states.added >= max(begin_ms, NEVER + 1)) & (states.added <= now_ms) & (accounts < size)
    chosen = np.flatnonzero(there & (states.counts | (kinds == COMMENT)))
    # By key where times are equal: the order must not depend on how the ledger is stored.
    chosen = chosen[np.lexsort((keys[chosen], states.added[chosen]))]
    details = states.details[chosen]
    table, facet = facet_table(details, facets)
    return NetTable(
        now_ms,
        begin_ms,
        size,
        keys[chosen],
        accounts[chosen],
        kinds[chosen],
        states.added[chosen],
        states.weight[chosen],
        states.counts[chosen],
        details[:, ACTOR],
        details[:, OBJECT],
        details[:, PARENT],
        details[:, THREAD],
        facet,
        table,
        *_told(kinds[chosen], accounts[chosen], details[:, OBJECT], known),
    )


def _told(
    kinds: NDArray[np.uint8], accounts: Ints, objects: Keys, known: Known | None
) -> tuple[Floats, Floats]:
    """Reach and impressions, row by row."""
    reach, impressions = np.full(len(kinds), np.nan), np.full(len(kinds), np.nan)
    if known is not None:
        posts = np.flatnonzero(kinds == POST)
        reach[posts], impressions[posts] = known(accounts[posts], objects[posts])
    return reach, impressions
