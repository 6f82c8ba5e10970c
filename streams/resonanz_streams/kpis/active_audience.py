"""How much of the audience is alive: different people who interacted, over followers."""

from collections.abc import Sequence

import numpy as np

from resonanz_streams.kpis.base import DEEP_WINDOWS, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import MEMBERSHIP_UNKNOWN, NO_FOLLOWERS, absent_column, net_of, rate_column
from resonanz_streams.net.people import people


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """Who follows is not known to us, so the whole is absent; part ``actors_per_follower`` is people over F,
    with Garwood's interval. It may exceed 1: not everybody who interacts is a follower."""
    counts = net_of(inputs).once(people, inputs.start_ms(window)).counts()
    covered = inputs.coverage[window] > 0
    per_follower = rate_column(
        counts, inputs.followers[window], 1.0, covered, missing=NO_FOLLOWERS, part="actors_per_follower"
    )
    return [absent_column(None, len(counts), np.uint8(MEMBERSHIP_UNKNOWN)), per_follower]


KPI = Kpi(
    id="active_audience",
    unit="ratio",
    help="Different people who interacted, per follower.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    from_audience=True,
    most_parts=2,
    group="potential",
    formula="different people who interacted / F",
    numerator="different people who interacted",
    denominator="followers, the mean over the time in which they are known",
    interval="Garwood",
    parts={"actors_per_follower": "the formula, whether or not these people follow"},
    merge="people",
)
