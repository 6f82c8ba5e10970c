"""What the talk is about: interactions on a topic / all interactions."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from resonanz_streams.kpis.base import DEEP_WINDOWS, Column, Inputs, Ints, Kpi
from resonanz_streams.kpis.columns import NO_INTERACTIONS, at_rows, net_of, share_column, why
from resonanz_streams.net.topics import UNITS, TopicCounts, topic_counts

TOP: Final = 10
"""Topics of an account that have a part of their own."""

OTHER: Final = "other"


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """The whole: those about any topic. Parts ``topic:…`` of the ten topics with most interactions, of equal
    ones the first by name, and ``topic:other``: further topics, one of that very name, and what is about
    none; the parts sum to 1. Wilson's interval.
    """
    table = net_of(inputs)
    recent = table.since(inputs.start_ms(window))
    counted = table.interactions[recent]
    whole = table.totals(recent, counted).astype(float)
    about = counted & table.of_facets([bool(facet.topics) for facet in table.facets])[recent]
    missing = why(NO_INTERACTIONS, inputs, window)
    found = topic_counts(table, recent, counted)
    top = np.sort(_top(found))
    rows = found.accounts[top]
    named = share_column(None, found.counts[top], whole[rows], missing=NO_INTERACTIONS)
    rest = whole.copy()
    np.subtract.at(rest, rows, found.counts[top])
    # Thirds and sevenths leave a trace of their rounding; what is less than none shall stay so.
    rest = np.round(rest * UNITS) / UNITS
    return [
        share_column(None, table.totals(recent, about).astype(float), whole, missing=missing),
        at_rows(named, rows, [f"topic:{found.topics[place]}" for place in top.tolist()]),
        share_column(f"topic:{OTHER}", rest, whole, missing=missing),
    ]


def _top(found: TopicCounts) -> Ints:
    # Stable, and they come by name. One that is called as the rest is goes there.
    order = np.lexsort((-found.counts, found.accounts))
    order = order[[found.topics[place] != OTHER for place in order.tolist()]] if len(order) else order
    accounts = found.accounts[order]
    rank = np.arange(len(order)) - np.searchsorted(accounts, accounts)
    return order[rank < TOP]


KPI = Kpi(
    id="topic_share",
    unit="ratio",
    help="Share of net interactions that are about a topic.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    most_parts=11,
    group="topics and venues",
    formula="interactions about any topic of the client's vocabulary / I",
    numerator="net interactions on the topic, 1/m of each that has m topics",
    denominator="net interactions",
    interval="Wilson",
    parts={
        "topic:…": "interactions on the topic / I, of the ten with most interactions",
        "topic:other": "further topics, and what is about none",
    },
)
