"""Net likes per own post."""

from resonanz_streams.kpis.base import LIKE, WINDOWS, Kpi
from resonanz_streams.kpis.columns import per_post

KPI = Kpi(
    id="applause",
    unit="ratio",
    help="Net likes per own post published in the window.",
    windows=WINDOWS[4:],
    compute=per_post(LIKE),
    authentic=True,
    group="engagement",
    formula="L / P",
    numerator="net likes",
    denominator="own posts",
    interval="Garwood",
    merge="rate",
)
