"""Interactions by topic, by venue or by brand: an item of m of them is 1/m of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.details import Facet
from resonanz_streams.net.table import NetTable
from resonanz_streams.net_states import Flags, Ints

Floats = NDArray[np.float64]

UNITS: Final = 720_720
"""Of an interaction: divided by 1 to 16 it stays whole, so that sums do not depend on their order."""

OTHER: Final = "other"
"""What is called so is not told apart from the rest, which is called so too."""

TOP: Final = 10
"""Names of an account that are told apart."""


@dataclass(frozen=True, slots=True)
class NamedCounts:
    """One entry for each account and name that occurred, ordered by account, then name."""

    accounts: Ints
    names: Sequence[str]
    counts: Floats

    def at(self, accounts: Ints, names: Sequence[str]) -> Floats:
        """The counts of these accounts' names; 0 where there are none."""
        known = dict(zip(zip(self.accounts.tolist(), self.names, strict=True), self.counts, strict=True))
        places = zip(accounts.tolist(), names, strict=True)
        return np.array([known.get(place, 0.0) for place in places], dtype=np.float64)

    def top(self) -> Ints:
        """The places of each account's ten largest, ascending; of equal ones the first by name."""
        # Stable, and they come by name.
        order = np.lexsort((-self.counts, self.accounts)).astype(np.int64)
        order = order[np.array([self.names[place] != OTHER for place in order.tolist()], dtype=np.bool_)]
        accounts = self.accounts[order]
        rank = np.arange(len(order)) - np.searchsorted(accounts, accounts)
        return np.sort(order[rank < TOP])

    def sums(self, size: int) -> Floats:
        """Of each of so many accounts, all names together."""
        return _whole(np.bincount(self.accounts, weights=self.counts, minlength=size).astype(np.float64))

    def rest(self, together: Floats, top: Ints) -> Floats:
        """What is left of each account's ``together`` without those at the places ``top``."""
        rest = together.copy()
        np.subtract.at(rest, self.accounts[top], self.counts[top])
        return _whole(rest)


def topic_counts(table: NetTable, recent: slice, chosen: Flags) -> NamedCounts:
    """By topic, of the chosen ones among the ``recent`` rows."""
    about = table.of_facets([bool(facet.topics) for facet in table.facets])[recent]
    return _counts(table, recent, chosen & about, lambda _, facet: facet.topics)


def venue_counts(table: NetTable, recent: slice, chosen: Flags) -> NamedCounts:
    """By watched venue, of the chosen ones among the ``recent`` rows."""
    named = table.of_facets([facet.venue_name is not None for facet in table.facets])[recent]
    return _counts(table, recent, chosen & named, lambda _, facet: (facet.venue_name or OTHER,))


def brand_counts(
    table: NetTable, recent: slice, chosen: Flags, brands: Sequence[Sequence[str]]
) -> NamedCounts:
    """By those of each account's ``brands`` that are among the topics, of the chosen ones."""
    about = table.of_facets([bool(facet.topics) for facet in table.facets])[recent]

    def names_of(account: int, facet: Facet) -> Sequence[str]:
        return [brand for brand in brands[account] if brand in facet.topics]

    return _counts(table, recent, chosen & about, names_of)


def _whole(sums: Floats) -> Floats:
    # Thirds and sevenths leave a trace of their rounding; what is less than none shall stay so.
    found: Floats = np.round(sums * UNITS) / UNITS
    return found


def _counts(
    table: NetTable, recent: slice, chosen: Flags, names_of: Callable[[int, Facet], Sequence[str]]
) -> NamedCounts:
    """``names_of``: the names, at most 16, of what an account has of a facet."""
    accounts, weights = table.accounts[recent][chosen], table.weights[recent][chosen]
    # By account and facet first: there are far fewer of these than events.
    groups, place = np.unique(accounts * len(table.facets) + table.facet[recent][chosen], return_inverse=True)
    sums = np.zeros(len(groups), dtype=np.int64)
    np.add.at(sums, place, weights)
    totals: dict[tuple[int, str], int] = {}
    for group, weight in zip(groups.tolist(), sums.tolist(), strict=True):
        account, facet = divmod(group, len(table.facets))
        names = names_of(account, table.facets[facet])
        for name in names:
            totals[account, name] = totals.get((account, name), 0) + weight * (UNITS // len(names))
    spots = sorted(totals)
    return NamedCounts(
        np.array([account for account, _ in spots], dtype=np.int64),
        [name for _, name in spots],
        np.array([totals[spot] for spot in spots], dtype=np.float64) / UNITS,
    )
