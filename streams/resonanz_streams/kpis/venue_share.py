"""How much of the talk happens elsewhere: I elsewhere / (I own + I elsewhere), per venue and per topic."""

from collections.abc import Sequence

from resonanz_streams.kpis.base import DEEP_WINDOWS, VOCABULARY_SIZE, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import NO_INTERACTIONS, at_rows, net_of, share_column, top_shares, why
from resonanz_streams.net.topics import topic_counts, venue_counts


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """The whole; parts ``venue:…`` of the ten watched venues with most interactions, of equal ones the first
    by name, and ``venue:other``: further venues, one of that very name, and those that nobody named or
    watches; these sum to the whole. Parts ``topic:…``: the share of those topics that were talked about.
    Wilson's interval.

    Elsewhere is what its event says is elsewhere, whether or not it names a venue that the client watches.
    """
    table = net_of(inputs)
    recent = table.since(inputs.start_ms(window))
    counted = table.interactions[recent]
    away = counted & table.of_facets([facet.venue == "elsewhere" for facet in table.facets])[recent]
    elsewhere, whole = table.totals(recent, away).astype(float), table.totals(recent, counted).astype(float)
    missing = why(NO_INTERACTIONS, inputs, window)
    topics, outside = topic_counts(table, recent, counted), topic_counts(table, recent, away)
    of_topics = share_column(
        None, outside.at(topics.accounts, topics.names), topics.counts, missing=NO_INTERACTIONS
    )
    return [
        share_column(None, elsewhere, whole, missing=missing),
        *top_shares("venue", venue_counts(table, recent, away), elsewhere, whole, missing=missing),
        at_rows(of_topics, topics.accounts, [f"topic:{topic}" for topic in topics.names]),
    ]


KPI = Kpi(
    id="venue_share",
    unit="ratio",
    help="Share of net interactions that happened elsewhere than on the account's own pages.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    most_parts=12 + VOCABULARY_SIZE,
    group="topics and venues",
    formula="I elsewhere / (I on own pages + I elsewhere)",
    numerator="net interactions elsewhere",
    denominator="net interactions",
    interval="Wilson",
    parts={
        "venue:…": "interactions at the watched venue / I, of the ten with most interactions",
        "venue:other": "further venues, and those that nobody named or watches, / I",
        "topic:…": "the same of the interactions about the topic",
    },
    merge="share",
)
