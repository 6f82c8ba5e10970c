"""How much of the talk about a fixed set of brands is about the client's own."""

from collections.abc import Sequence

import numpy as np

from resonanz_streams.kpis.base import DEEP_WINDOWS, MOST_BRANDS, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import NO_BRANDS, NO_INTERACTIONS, at_rows, net_of, share_column, why
from resonanz_streams.net.table import LIKE
from resonanz_streams.net.topics import brand_counts


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """Interactions about the client's brand / the sum over its set, Wilson; part ``mentions``: the same of
    comments and shares; parts ``brand:…``: of each brand of the set, the client's own among them, which sum
    to 1.

    An item about m brands of the set is 1/m of each; other topics of it do not matter. Absent without a brand
    set.
    """
    table, voices = net_of(inputs), inputs.clients.voices
    recent = table.since(inputs.start_ms(window))
    counted = table.interactions[recent]
    brands = [() if voice is None else voice.brands for voice in voices]
    has_set = np.array([voice is not None for voice in voices], dtype=np.bool_)
    missing = np.where(has_set, why(NO_INTERACTIONS, inputs, window), np.uint8(NO_BRANDS))
    of_each = brand_counts(table, recent, counted, brands)
    mentions = brand_counts(table, recent, counted & (table.kinds[recent] != LIKE), brands)
    rows = np.flatnonzero(has_set)
    own = [voice.brand for voice in voices if voice is not None]
    columns = []
    for part, found in ((None, of_each), ("mentions", mentions)):
        chosen = np.zeros(len(voices))
        chosen[rows] = found.at(rows, own)
        columns.append(share_column(part, chosen, found.sums(len(voices)), missing=missing))
    rows = np.repeat(rows, [len(brands[row]) for row in rows.tolist()])
    names = [name for names in brands for name in names]
    whole = of_each.sums(len(voices))[rows]
    named = share_column(None, of_each.at(rows, names), whole, missing=missing[rows])
    return [*columns, at_rows(named, rows, [f"brand:{name}" for name in names])]


KPI = Kpi(
    id="share_of_voice",
    unit="ratio",
    help="Share of net interactions about a set of brands that are about the client's own.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    most_parts=2 + MOST_BRANDS,
    group="topics and venues",
    formula="interactions about the client's brand / interactions about any brand of its set",
    numerator="net interactions about the brand, 1/m of each that is about m brands of the set",
    denominator="net interactions about any brand of the set",
    interval="Wilson",
    parts={
        "mentions": "the same of comments and shares",
        "brand:…": "interactions about the brand / interactions about any brand of the set",
    },
    merge="share",
    within_client=True,
)
