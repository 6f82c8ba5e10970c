"""The comment trees: who answered whom, when, and how deep."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from resonanz_streams.net.table import COMMENT, NetTable
from resonanz_streams.net_states import Flags, Ints, Keys, Places

TOP: Final = -1
"""The parent of a comment that answers a post."""

MISSING: Final = -2
"""The parent of a comment whose parent nobody told us of: it is older than the horizon, or was never seen."""

NEVER: Final = 2**62
"""Later than any time: not answered."""


@dataclass(frozen=True, slots=True)
class Talk:
    """One entry a comment, in order of time, removed ones among them.

    ``parent``: place of the comment that it answers, TOP or MISSING. ``asked``: it stands, one person of the
    audience wrote it, so somebody may answer. ``answered_ms``: the first answer by an own actor that stands,
    not before the comment itself; NEVER without one. ``depth``: 1 at the top, one more than its parent's; a
    missing parent stands at the top. 0 where comments answer each other in a circle. ``threads``: where
    nobody told the thread, that of the tree's first comment, or else that comment.
    """

    accounts: Ints
    at_ms: Ints
    stands: Flags
    own: Flags
    asked: Flags
    parent: Places
    threads: Keys
    answered_ms: Ints
    depth: Ints


def talk(table: NetTable) -> Talk:
    """The comments of a table."""
    rows = np.flatnonzero(table.kinds == COMMENT)
    at_ms, stands, own = table.at_ms[rows], table.stands[rows], table.own[rows]
    keys, threads = table.keys[rows], table.threads[rows]
    parent = _parents(keys, table.parents[rows])
    answers = np.flatnonzero(own & stands & (parent >= 0))
    answered_ms = np.full(len(rows), NEVER)
    np.minimum.at(answered_ms, parent[answers], np.maximum(at_ms[answers], at_ms[parent[answers]]))
    root, depth = _roots(parent)
    of_root = np.where(threads[root] == 0, keys[root], threads[root])
    return Talk(
        accounts=table.accounts[rows],
        at_ms=at_ms,
        stands=stands,
        own=own,
        # Totals are many comments that no answer can be told for.
        asked=stands & ~own & (table.weights[rows] == 1),
        parent=parent,
        threads=np.where(threads == 0, of_root, threads),
        answered_ms=answered_ms,
        depth=depth,
    )


def _parents(keys: Keys, parents: Keys) -> Places:
    if not len(keys):
        return np.zeros(0, dtype=np.intp)
    order = np.argsort(keys)
    place = np.minimum(np.searchsorted(keys[order], parents), len(keys) - 1)
    found = order[place]
    return np.where(parents == 0, TOP, np.where(keys[found] == parents, found, MISSING))


def _roots(parent: Places) -> tuple[Places, Ints]:
    """Of each comment the first one of its tree, and the depth; itself and 0 where a circle has no first one.

    Each step leaps twice as far as the last one: a chain of a million takes twenty steps.
    """
    root = np.where(parent >= 0, parent, np.arange(len(parent)))
    steps = (parent >= 0).astype(np.int64)
    open_ones = np.flatnonzero(parent[root] >= 0)
    for _ in range(len(parent).bit_length()):
        if not len(open_ones):
            break
        ahead = root[open_ones]
        leaps, leapt = steps[ahead], root[ahead]
        steps[open_ones] += leaps
        root[open_ones] = leapt
        open_ones = open_ones[parent[leapt] >= 0]
    depth = steps + np.where(parent[root] == TOP, 1, 2)
    circle = np.flatnonzero(parent[root] >= 0)
    depth[circle], root[circle] = 0, circle
    return root, depth


def counted(chosen: Ints, size: int) -> Ints:
    """How often each account comes."""
    return np.bincount(chosen, minlength=size).astype(np.int64)
