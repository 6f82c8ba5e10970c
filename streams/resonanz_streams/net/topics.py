"""Interactions by topic: an item of m topics is 1/m of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.net.table import NetTable
from resonanz_streams.net_states import Flags, Ints

Floats = NDArray[np.float64]

UNITS: Final = 720_720
"""Of an interaction: divided by 1 to 16 it stays whole, so that sums do not depend on their order."""


@dataclass(frozen=True, slots=True)
class TopicCounts:
    """One entry for each account and topic that was talked about, ordered by account, then topic."""

    accounts: Ints
    topics: Sequence[str]
    counts: Floats

    def like(self, other: "TopicCounts") -> Floats:
        """The counts of the other's accounts and topics; 0 where there are none."""
        known = dict(zip(zip(self.accounts.tolist(), self.topics, strict=True), self.counts, strict=True))
        places = zip(other.accounts.tolist(), other.topics, strict=True)
        return np.array([known.get(place, 0.0) for place in places], dtype=np.float64)


def topic_counts(table: NetTable, recent: slice, chosen: Flags) -> TopicCounts:
    """Of the chosen ones among the ``recent`` rows."""
    names = sorted({topic for facet in table.facets for topic in facet.topics})
    number = {topic: place for place, topic in enumerate(names)}
    chosen = chosen & table.of_facets([bool(facet.topics) for facet in table.facets])[recent]
    accounts, weights = table.accounts[recent][chosen], table.weights[recent][chosen]
    # By account and facet first: there are far fewer of these than events.
    groups, place = np.unique(accounts * len(table.facets) + table.facet[recent][chosen], return_inverse=True)
    sums = np.zeros(len(groups), dtype=np.int64)
    np.add.at(sums, place, weights)
    totals: dict[tuple[int, int], int] = {}
    for group, weight in zip(groups.tolist(), sums.tolist(), strict=True):
        account, facet = divmod(group, len(table.facets))
        topics = table.facets[facet].topics
        for topic in topics:
            spot = account, number[topic]
            totals[spot] = totals.get(spot, 0) + weight * (UNITS // len(topics))
    spots = sorted(totals)
    return TopicCounts(
        np.array([account for account, _ in spots], dtype=np.int64),
        [names[topic] for _, topic in spots],
        np.array([totals[spot] for spot in spots], dtype=np.float64) / UNITS,
    )
