"""Net interactions: likes, comments and shares by the audience, removals subtracted."""

from collections.abc import Sequence

from resonanz_streams.kpis.base import (
    COMMENT,
    INTERACTIONS,
    LIKE,
    REMOVED,
    SHARE,
    WINDOWS,
    Column,
    Inputs,
    Kpi,
)
from resonanz_streams.kpis.columns import count_column


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """I = L + C + S as the whole, then each kind; part ``removed`` is what was taken back.

    Gross is the whole plus ``removed``. The interval is Garwood's, of the mean behind the count.
    """
    counts, covered = inputs.counts[window], inputs.coverage[window] > 0
    return [
        count_column(None, counts[:, INTERACTIONS].sum(axis=1), covered),
        count_column("like", counts[:, LIKE], covered),
        count_column("comment", counts[:, COMMENT], covered),
        count_column("share", counts[:, SHARE], covered),
        count_column("removed", counts[:, REMOVED], covered),
    ]


KPI = Kpi(
    id="interactions",
    unit="",
    help="Net likes, comments and shares by the audience.",
    windows=WINDOWS,
    compute=compute,
    most_parts=5,
    authentic=True,
    group="engagement",
    formula="I = L + C + S",
    numerator="net interactions",
    interval="Garwood",
    parts={
        "like": "net likes, L",
        "comment": "net comments, C",
        "share": "net shares, S",
        "removed": "what was taken back; the whole plus this is the gross number",
    },
    shape="total",
    merge="count",
)
