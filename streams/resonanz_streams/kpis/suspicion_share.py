"""How much of the comments looks like bots or spam."""

from collections.abc import Sequence

from resonanz_streams.kpis.base import COMMENT, DEEP_WINDOWS, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import NO_COMMENTS, NO_INTERACTIONS, net_of, share_column, why


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """Flagged comments by the audience over all of them, Wilson; absent without comments.

    Part ``interactions``: the same of likes, comments and shares together.
    """
    table = net_of(inputs)
    recent = table.since(inputs.start_ms(window))
    counted = table.interactions[recent]
    flagged = table.of_facets([bool(facet.flags) for facet in table.facets])[recent]
    comments = counted & (table.kinds[recent] == COMMENT)
    columns = []
    for part, chosen, missing in (
        (None, comments, NO_COMMENTS),
        ("interactions", counted, NO_INTERACTIONS),
    ):
        suspect, whole = table.totals(recent, chosen & flagged), table.totals(recent, chosen)
        reason = why(missing, inputs, window)
        columns.append(share_column(part, suspect.astype(float), whole.astype(float), missing=reason))
    return columns


KPI = Kpi(
    id="suspicion_share",
    unit="ratio",
    help="Share of comments that were flagged as bot or spam.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    most_parts=2,
    group="authenticity",
    formula="C with a flag / C",
    numerator="flagged ones",
    denominator="comments (of interactions: likes, comments and shares)",
    interval="Wilson",
    parts={"interactions": "the same of likes, comments and shares together"},
    merge="share",
)
