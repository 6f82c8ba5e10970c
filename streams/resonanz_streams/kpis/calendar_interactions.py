"""Net interactions of today, this week and this month, as the client's calendar has them."""

from collections.abc import Sequence
from typing import Final

from resonanz_streams.kpis.base import Column, Inputs, Kpi
from resonanz_streams.kpis.columns import count_column, in_periods, of_period

_ID: Final = "calendar_interactions"


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """I of each period of the client's calendar up to now, and of the day and the week before; there is no
    whole. Garwood's interval. Null where a period begins before what stands is known.
    """
    return [
        of_period(count_column(period.name, period.counts, watched > 0), period, watched)
        for period, watched in in_periods(inputs, _ID, window)
    ]


KPI = Kpi(
    id=_ID,
    unit="",
    help="Net interactions of today, yesterday, this week, last week and this month in the client's zone.",
    windows=("28d",),
    compute=compute,
    deep=True,
    most_parts=5,
    own_coverage=True,
    group="engagement",
    formula="I since midnight in the client's zone",
    numerator="I",
    interval="Garwood",
    parts={
        "today": "since midnight",
        "yesterday": "the day before, whole",
        "this_week": "since Monday, midnight",
        "last_week": "the week before, whole",
        "this_month": "since the first of the month, midnight",
    },
    shape="total",
    merge="count",
    within_client=True,
)
