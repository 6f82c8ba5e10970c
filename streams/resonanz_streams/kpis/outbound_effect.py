"""What an own comment elsewhere achieves, beside an own post."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from resonanz_streams.intervals import ratio_interval
from resonanz_streams.kpis.base import DEEP_WINDOWS, Column, Floats, Inputs, Ints, Kpi
from resonanz_streams.kpis.columns import (
    NEGATIVE,
    NO_COMMENTS_ELSEWHERE,
    NO_INTERACTIONS,
    NO_POSTS,
    NONE,
    net_of,
    rate_column,
    why,
)
from resonanz_streams.net.posts import posts
from resonanz_streams.net.table import NetTable

ATTRIBUTED_MS: Final = 72 * 3_600_000
"""An interaction is a post's effect if it came at most this long after it."""


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """(interactions on own comments elsewhere / such comments) / (interactions on own posts / posts), of what
    was published in the window; interactions within 72 h. Parts ``elsewhere`` and ``own``: the two rates,
    with Garwood's interval.

    The interval of the whole is that of the ratio of two Poisson rates. Null where either rate is, the second
    is 0, or falling totals made a count negative.
    """
    table, start_ms = net_of(inputs), inputs.start_ms(window)
    away, comments = _effects(table, start_ms, "elsewhere")
    home, published = _effects(table, start_ms, "own")
    lo, hi = ratio_interval(away, comments, home, published)
    reason = np.full(table.size, NONE, dtype=np.uint8)
    # The last that holds is told.
    no_comments = why(NO_COMMENTS_ELSEWHERE, inputs, window)
    no_posts = why(NO_POSTS, inputs, window)
    for holds, code in (
        (home == 0, why(NO_INTERACTIONS, inputs, window)),
        ((away < 0) | (home < 0), np.uint8(NEGATIVE)),
        (comments == 0, no_comments),
        (published == 0, no_posts),
    ):
        reason = np.where(holds, code, reason).astype(np.uint8)
    known, covered = reason == NONE, inputs.coverage[window] > 0
    parts = (
        rate_column(away, comments, 1.0, covered, missing=no_comments, part="elsewhere"),
        rate_column(home, published, 1.0, covered, missing=no_posts, part="own"),
    )
    away_each, home_each = (
        np.where(known, count, np.nan) / np.where(known, many, np.nan)
        for count, many in ((away, comments), (home, published))
    )
    lo, hi = np.where(known, lo, np.nan), np.where(known, hi, np.nan)
    whole = Column(None, away_each / home_each, lo, hi, away_each, home_each, reason)
    return [whole, *parts]


def _effects(table: NetTable, start_ms: int, venue: str) -> tuple[Ints, Floats]:
    """Per account: interactions attributed to what it published there since then, and how much that was."""
    told = table.once(posts, venue)
    recent = told.at_ms > start_ms
    soon = table.at_ms[told.interactions] - told.at_ms[told.of] <= ATTRIBUTED_MS
    counted = told.interactions[soon & recent[told.of]]
    counts = np.zeros(table.size, dtype=np.int64)
    np.add.at(counts, table.accounts[counted], table.weights[counted])
    return counts, np.bincount(told.accounts[recent], minlength=table.size).astype(np.float64)


KPI = Kpi(
    id="outbound_effect",
    unit="ratio",
    help="Net interactions per own comment elsewhere over net interactions per own post.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    most_parts=3,
    group="topics and venues",
    formula="(interactions on own comments elsewhere / such comments) / (interactions on own posts / P)",
    numerator="net interactions per own comment elsewhere",
    denominator="net interactions per own post",
    interval="Clopper–Pearson",
    parts={
        "elsewhere": "net interactions on own comments elsewhere / these comments",
        "own": "net interactions on own posts / these posts",
    },
    merge_parts={"elsewhere": "rate", "own": "rate"},
)
