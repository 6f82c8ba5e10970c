"""How each own post does beside those before it, at the same age."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.net.posts import Posts, posts
from resonanz_streams.net.table import NetTable
from resonanz_streams.net_states import Ints, Places

LAST: Final = 100
"""So many posts before it a post is compared with, at most."""

FEWEST: Final = 4
"""Of fewer there is no middle half."""

_AGE_BITS: Final = 32
"""A table spans 28 days: less than 2**32 ms."""

_TOGETHER: Final = 4096
"""Posts that are compared at the same time: 400,000 pairs."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Performance:
    """One entry for each of :func:`resonanz_streams.net.posts.posts`, in their order.

    ``interactions``: on the post, at its age; ``earlier``: how many posts it is compared with, the last up to
    100 of its account that were published before it; ``usual``: the mean of the middle half of their
    interactions at that age, NaN of fewer than four.
    """

    interactions: Ints
    earlier: Ints
    usual: Floats


def performance(table: NetTable) -> Performance:
    """Of every own post; those that the table no longer holds are not compared with."""
    own = table.once(posts)
    order = np.argsort(own.accounts, kind="stable")
    accounts, at_ms = own.accounts[order], own.at_ms[order]
    number = np.arange(len(order))
    # A post's account begins at ``first``; those published before it end at ``until``.
    first = np.searchsorted(accounts, accounts)
    same = np.zeros(len(order), dtype=np.bool_)
    same[1:] = (accounts[1:] == accounts[:-1]) & (at_ms[1:] == at_ms[:-1])
    until = np.maximum.accumulate(np.where(same, 0, number))
    begin = np.maximum(first, until - LAST)
    by_age = _ByAge(table, own, order)
    ages = table.now_ms - at_ms
    usual = np.full(len(order), np.nan)
    for start in range(0, len(order), _TOGETHER):
        part = slice(start, start + _TOGETHER)
        usual[part] = _usual(by_age, begin[part], until[part] - begin[part], ages[part])
    back = np.empty_like(order)
    back[order] = number
    return Performance(by_age.counts(number, ages)[back], (until - begin)[back], usual[back])


class _ByAge:
    """The interactions on each post by the post's age then; posts are numbered as ``order`` has them."""

    def __init__(self, table: NetTable, own: Posts, order: Places) -> None:
        number = np.empty_like(order)
        number[order] = np.arange(len(order))
        of = number[own.of].astype(np.int64)
        age = np.maximum(0, table.at_ms[own.interactions] - own.at_ms[own.of])
        key = (of << _AGE_BITS) + age
        sorted_ = np.argsort(key, kind="stable")
        self._keys = key[sorted_]
        self._sums = np.concatenate(([0], np.cumsum(table.weights[own.interactions][sorted_])))

    def counts(self, post: Places, age: Ints) -> Ints:
        """Interactions on each of these posts when it was so old."""
        base = post.astype(np.int64) << _AGE_BITS
        before = self._sums[np.searchsorted(self._keys, base)]
        counts: Ints = self._sums[np.searchsorted(self._keys, base + age, side="right")] - before
        return counts


def _usual(by_age: _ByAge, begin: Ints, many: Ints, ages: Ints) -> Floats:
    """The mean of the middle half; a count at its edge counts with the part of it that lies inside."""
    place = np.arange(LAST)
    there = place < many[:, None]
    counts = np.full(there.shape, np.iinfo(np.int64).max)
    earlier = (begin[:, None] + place)[there]
    counts[there] = by_age.counts(earlier, np.repeat(ages, many))
    counts.sort(axis=1)
    # In quarters of a count: of n the middle half reaches from n to 3n.
    n = many[:, None]
    inside = np.clip(np.minimum(4 * place + 4, 3 * n) - np.maximum(4 * place, n), 0, 4)
    sums = np.where(there, counts * inside, 0).sum(axis=1)
    usual: Floats = sums / np.where(many >= FEWEST, 2 * many, np.nan)
    return usual
