"""Interactions per 1,000 people whom the same posts reached."""

from resonanz_streams.kpis.base import COMMENT, DEEP_WINDOWS, LIKE, SHARE, Kpi
from resonanz_streams.kpis.columns import NO_REACH, per_told

KPI = Kpi(
    id="engagement_rate_by_reach",
    unit="per_1000",
    help="Net interactions on own posts per 1,000 people whom these reached.",
    windows=DEEP_WINDOWS,
    compute=per_told(lambda table: table.reach, (LIKE, COMMENT, SHARE), NO_REACH),
    deep=True,
    from_audience=True,
    authentic=True,
    group="engagement",
    formula="1000 · Σ I_p / Σ reach_p over the own posts p published in the window whose reach is known",
    numerator="net interactions of the window on these posts",
    denominator="their reach",
    interval="Garwood",
    merge="rate",
)
