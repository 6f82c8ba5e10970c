"""Interactions of today, this week and this month per 1,000 people the client could ever reach."""

from collections.abc import Sequence
from typing import Final

from resonanz_streams.kpis import calendar_interactions
from resonanz_streams.kpis.base import Column, Inputs, Kpi
from resonanz_streams.kpis.columns import NO_POTENTIAL, in_periods, of_period, rate_column

_ID: Final = "calendar_interactions_per_potential"


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """1000 · I / N of each period; N is the client's potential that is valid now. Garwood's interval."""
    return [
        of_period(
            rate_column(
                period.counts,
                inputs.potential,
                1000.0,
                watched > 0,
                missing=NO_POTENTIAL,
                part=period.name,
            ),
            period,
            watched,
        )
        for period, watched in in_periods(inputs, _ID, window)
    ]


KPI = Kpi(
    id=_ID,
    unit="per_1000",
    help="Net interactions of calendar periods per 1,000 people of the client's potential.",
    windows=("28d",),
    compute=compute,
    deep=True,
    most_parts=5,
    own_coverage=True,
    group="potential",
    formula="1000 · I / N",
    numerator="I since midnight in the client's zone",
    denominator="N",
    interval="Garwood",
    parts=calendar_interactions.KPI.parts,
    merge="potential",
    within_client=True,
)
