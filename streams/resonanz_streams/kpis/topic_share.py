"""What the talk is about: interactions on a topic / all interactions."""

from collections.abc import Sequence

from resonanz_streams.kpis.base import DEEP_WINDOWS, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import NO_INTERACTIONS, net_of, share_column, top_shares, why
from resonanz_streams.net.topics import topic_counts


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
    return [
        share_column(None, table.totals(recent, about).astype(float), whole, missing=missing),
        *top_shares("topic", topic_counts(table, recent, counted), whole, whole, missing=missing),
    ]


KPI = Kpi(
    id="topic_share",
    unit="ratio",
    help="Share of net interactions that are about a topic.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    most_parts=12,
    group="topics and venues",
    formula="interactions about any topic of the client's vocabulary / I",
    numerator="net interactions on the topic, 1/m of each that has m topics",
    denominator="net interactions",
    interval="Wilson",
    parts={
        "topic:…": "interactions on the topic / I, of the ten with most interactions",
        "topic:other": "further topics, and what is about none",
    },
    merge="share",
)
