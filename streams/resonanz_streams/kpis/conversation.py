"""Net comments per own post."""

from resonanz_streams.kpis.base import COMMENT, WINDOWS, Kpi
from resonanz_streams.kpis.columns import per_post

KPI = Kpi(
    id="conversation",
    unit="ratio",
    help="Net comments per own post published in the window.",
    windows=WINDOWS[4:],
    compute=per_post(COMMENT),
    authentic=True,
    group="engagement",
    formula="C / P",
    numerator="net comments",
    denominator="own posts",
    interval="Garwood",
    merge="rate",
)
