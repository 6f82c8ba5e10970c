"""The own posts, and which interaction belongs to which of them."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from resonanz_streams.net.table import POST, NetTable
from resonanz_streams.net_states import Ints, Keys, Places

_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Posts:
    """One entry an own post, in order of time: its account, when it was published, and its row in the table.

    ``interactions``: rows of the table that stand, by the audience, on one of the posts; ``of``: which.
    """

    accounts: Ints
    at_ms: Ints
    rows: Places
    interactions: Places
    of: Places


def posts(table: NetTable) -> Posts:
    """Those on the account's own pages. Of two records of one post the earlier says when it was published.

    What is on no post itself, but in the thread below one, is on that post: an answer to a comment is.
    """
    there = table.of_facets([facet.venue == "own" for facet in table.facets])
    rows = np.flatnonzero((table.kinds == POST) & there)
    _, first = np.unique(_names(table, table.objects, rows), return_index=True)
    rows = rows[np.sort(first)]
    names = _names(table, table.objects, rows)
    interactions = np.flatnonzero(table.interactions)
    of = _find(names, _names(table, table.objects, interactions))
    below = _find(names, _names(table, table.threads, interactions))
    of = np.where(of >= 0, of, below)
    known = of >= 0
    return Posts(table.accounts[rows], table.at_ms[rows], rows, interactions[known], of[known])


def _names(table: NetTable, objects: Keys, rows: Places) -> Keys:
    """Account and object in one number; two of them are equal with a chance of 2⁻⁶⁴."""
    return objects[rows] ^ (table.accounts[rows].astype(np.uint64) * _SPREAD)


def _find(names: Keys, wanted: Keys) -> Places:
    """The place of each wanted name among the distinct names, -1 where it is not."""
    if not len(names):
        return np.full(len(wanted), -1, dtype=np.intp)
    order = np.argsort(names)
    place = order[np.minimum(np.searchsorted(names[order], wanted), len(names) - 1)]
    return np.where(names[place] == wanted, place, -1)
