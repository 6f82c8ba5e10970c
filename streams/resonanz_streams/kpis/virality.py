"""Shares per 1,000 times that the same posts were shown."""

from resonanz_streams.kpis.base import DEEP_WINDOWS, SHARE, Kpi
from resonanz_streams.kpis.columns import NO_IMPRESSIONS, per_told

KPI = Kpi(
    id="virality",
    unit="per_1000",
    help="Net shares of own posts per 1,000 impressions of these.",
    windows=DEEP_WINDOWS,
    compute=per_told(lambda table: table.impressions, (SHARE,), NO_IMPRESSIONS),
    deep=True,
    from_audience=True,
    authentic=True,
    group="engagement",
    formula="1000 · Σ S_p / Σ impressions_p over the own posts p published in the window whose impressions "
    "are known",
    numerator="net shares of the window of these posts",
    denominator="their impressions",
    interval="Garwood",
    merge="rate",
)
