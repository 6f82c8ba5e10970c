"""How much of the comments looks like bots or spam."""

from collections.abc import Sequence

import numpy as np

from resonanz_streams.events import SIGNALS
from resonanz_streams.kpis.base import COMMENT, DEEP_WINDOWS, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import NO_COMMENTS, NO_INTERACTIONS, at_rows, net_of, share_column, why
from resonanz_streams.net.suspects import signals


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """Suspect comments by the audience over all of them, Wilson; absent without comments.

    Part ``interactions``: the same of likes, comments and shares together; ``signal:…``: those of them with
    this signal, of the accounts that have any. What has several signals is in several of these.
    """
    table = net_of(inputs)
    recent = table.since(inputs.start_ms(window))
    counted = table.interactions[recent]
    found = table.once(signals, inputs.clients.screening)[recent]
    comments = counted & (table.kinds[recent] == COMMENT)
    columns = []
    for part, chosen, missing in (
        (None, comments, NO_COMMENTS),
        ("interactions", counted, NO_INTERACTIONS),
    ):
        suspect, whole = table.totals(recent, chosen & (found > 0)), table.totals(recent, chosen)
        reason = why(missing, inputs, window)
        columns.append(share_column(part, suspect.astype(float), whole.astype(float), missing=reason))
    total = table.totals(recent, counted).astype(float)
    for bit, name in enumerate(SIGNALS):
        told = (found & np.uint8(1 << bit)) > 0
        if told.any():
            rows = np.unique(table.accounts[recent][told])
            having = table.totals(recent, told).astype(float)
            column = share_column(None, having[rows], total[rows], missing=NO_INTERACTIONS)
            columns.append(at_rows(column, rows, [f"signal:{name}"] * len(rows)))
    return columns


KPI = Kpi(
    id="suspicion_share",
    unit="ratio",
    help="Share of comments that look like bots or spam.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    most_parts=2 + len(SIGNALS),
    group="authenticity",
    formula="suspect C / C",
    numerator="suspect ones",
    denominator="comments (of interactions: likes, comments and shares)",
    interval="Wilson",
    merge="share",
    beside={"signal:…": "interactions"},
    parts={
        "interactions": "the same of likes, comments and shares together",
        "signal:…": "likes, comments and shares with this signal / all of them",
    },
)
