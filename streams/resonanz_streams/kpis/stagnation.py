"""Whether the number of followers stands still: shown beside those who interact, stagnant but alive."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from resonanz_streams.kpis.base import Column, Inputs, Kpi
from resonanz_streams.kpis.columns import NO_FOLLOWERS, NONE

STAGNANT: Final = 0.005
"""Below this share of F an account stands still."""


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """|followers now - followers at the window's old edge| / F; part ``stagnant``: 1 where that is below
    0.5 %, else 0, of 1 account.

    Followers at an instant are those of the newest snapshot, if it is not older than 48 h. Null where one of
    the three is not known, or F is 0. These are counts of everybody, so there is no interval.
    """
    assert inputs.followers_at is not None  # noqa: S101  # whoever computes KPIs gives it
    mean = inputs.followers[window]
    rows = np.arange(len(mean), dtype=np.int64)
    now, before = (
        inputs.followers_at(rows, np.full(len(mean), at_ms, dtype=np.int64))
        for at_ms in (inputs.now_ms, inputs.start_ms(window))
    )
    usable = np.where(mean > 0, mean, np.nan)
    change = np.abs(now - before)
    share = change / usable
    known, none = ~np.isnan(share), np.full(len(mean), np.nan)
    stagnant, one = np.where(known, share < STAGNANT, np.nan), np.where(known, 1.0, np.nan)
    reason = np.where(known, NONE, NO_FOLLOWERS).astype(np.uint8)
    change, usable = np.where(known, change, np.nan), np.where(known, usable, np.nan)
    return [
        Column(None, share, none, none, change, usable, reason),
        Column("stagnant", stagnant, none, none, stagnant, one, reason),
    ]


KPI = Kpi(
    id="stagnation",
    unit="ratio",
    help="Change of followers since the window began, over followers.",
    windows=("28d",),
    compute=compute,
    most_parts=2,
    from_audience=True,
    group="potential",
    formula="|F_t − F_0| / F",
    numerator="change of followers",
    denominator="followers, the mean over the time in which they are known",
    parts={"stagnant": "1 if the whole is below 0.005, else 0; of 1 account"},
    merge_parts={"stagnant": "mean"},
)
