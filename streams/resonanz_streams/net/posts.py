"""The own posts, or own comments elsewhere, and which interaction belongs to which of them."""

from dataclasses import dataclass

import numpy as np

from resonanz_streams.net.pairs import find, pairs
from resonanz_streams.net.table import POST, NetTable
from resonanz_streams.net_states import Ints, Places


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


def posts(table: NetTable, venue: str = "own") -> Posts:
    """Those on the account's own pages, or (venue ``elsewhere``) the own comments on others. Of two records
    of one post the earlier says when it was published.

    What is on no post itself, but in the thread below one, is on that post: an answer to a comment is.
    """
    there = table.of_facets([facet.venue == venue for facet in table.facets])
    rows = np.flatnonzero((table.kinds == POST) & there)
    _, first = np.unique(pairs(table.accounts[rows], table.objects[rows]), return_index=True)
    rows = rows[np.sort(first)]
    names = pairs(table.accounts[rows], table.objects[rows])
    interactions = np.flatnonzero(table.interactions)
    accounts = table.accounts[interactions]
    of = find(names, pairs(accounts, table.objects[interactions]))
    below = find(names, pairs(accounts, table.threads[interactions]))
    of = np.where(of >= 0, of, below)
    known = of >= 0
    return Posts(table.accounts[rows], table.at_ms[rows], rows, interactions[known], of[known])
