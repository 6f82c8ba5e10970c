"""What people talk about now, and how much of it there was in the same window of earlier days."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from resonanz_streams.coverage import EARLIER_DAYS
from resonanz_streams.net.table import NetTable, distinct
from resonanz_streams.net_states import Ints, Keys

LEAST: Final = 5
LEAST_PEOPLE: Final = 3
"""Of fewer interactions, or fewer different people, nobody can say that a topic is talked about."""

_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class TopicDays:
    """One entry for each account and topic that is talked about, ordered by account, then topic.

    ``now``: interactions in the window; ``earlier``: shape (n, EARLIER_DAYS), those in the window as it was
    so many days ago, 0 where totals fell by more. An item of several topics counts whole for each.
    """

    accounts: Ints
    topics: Sequence[str]
    now: Ints
    earlier: Ints


@dataclass(frozen=True, slots=True)
class _Items:
    """One entry for each interaction and topic of it, in order of time. ``codes``: account and topic."""

    topics: Sequence[str]
    codes: Ints
    at_ms: Ints
    weights: Ints
    actors: Keys


def topic_days(table: NetTable, start_ms: int) -> TopicDays:
    """Of the window from ``start_ms``, exclusive, to now."""
    items = table.once(_items)
    first = np.searchsorted(items.at_ms, start_ms, side="right")
    codes, place = np.unique(items.codes[first:], return_inverse=True)
    now = np.zeros(len(codes), dtype=np.int64)
    np.add.at(now, place, items.weights[first:])
    known = (items.actors[first:] != 0) & (items.weights[first:] > 0)
    of_people, _ = distinct(place[known], items.actors[first:][known])
    people = np.bincount(of_people, minlength=len(codes))
    large = (now >= LEAST) & (people >= LEAST_PEOPLE)
    codes, now = codes[large], now[large]
    earlier = np.zeros((len(codes), EARLIER_DAYS), dtype=np.int64)
    if len(codes):
        _count_earlier(items, codes, start_ms, table.now_ms, earlier)
    many = max(len(items.topics), 1)
    return TopicDays(
        codes // many,
        [items.topics[topic] for topic in (codes % many).tolist()],
        now,
        np.maximum(earlier, 0),
    )


def _count_earlier(items: _Items, codes: Ints, start_ms: int, now_ms: int, earlier: Ints) -> None:
    place = np.minimum(np.searchsorted(codes, items.codes), len(codes) - 1)
    wanted = np.flatnonzero(codes[place] == items.codes)
    place, at_ms, weights = place[wanted], items.at_ms[wanted], items.weights[wanted]
    for day in range(1, EARLIER_DAYS + 1):
        edges = np.array([start_ms, now_ms]) - day * _DAY_MS
        first, last = np.searchsorted(at_ms, edges, side="right")
        np.add.at(earlier[:, day - 1], place[first:last], weights[first:last])


def _items(table: NetTable) -> _Items:
    topics = sorted({topic for facet in table.facets for topic in facet.topics})
    number = {topic: place for place, topic in enumerate(topics)}
    of_facets = [[number[topic] for topic in facet.topics] for facet in table.facets]
    sizes = np.array([len(numbers) for numbers in of_facets], dtype=np.int64)
    flat = np.array([one for numbers in of_facets for one in numbers], dtype=np.int64)
    rows = np.flatnonzero(table.interactions & (sizes > 0)[table.facet])
    many = sizes[table.facet[rows]]
    # The topics of a row's facet stand one after the other in ``flat``.
    begins = (np.cumsum(sizes) - sizes)[table.facet[rows]]
    within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    rows = np.repeat(rows, many)
    about = flat[np.repeat(begins, many) + within]
    return _Items(
        topics,
        table.accounts[rows] * max(len(topics), 1) + about,
        table.at_ms[rows],
        table.weights[rows],
        table.actors[rows],
    )
