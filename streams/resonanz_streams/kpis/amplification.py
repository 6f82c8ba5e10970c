"""Net shares per own post."""

from resonanz_streams.kpis.base import SHARE, WINDOWS, Kpi
from resonanz_streams.kpis.columns import per_post

KPI = Kpi(
    id="amplification",
    unit="ratio",
    help="Net shares per own post published in the window.",
    windows=WINDOWS[4:],
    compute=per_post(SHARE),
    authentic=True,
    group="engagement",
    formula="S / P",
    numerator="net shares",
    denominator="own posts",
    interval="Garwood",
    merge="rate",
)
