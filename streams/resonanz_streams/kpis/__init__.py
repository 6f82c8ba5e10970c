"""The KPIs, one pure module each; this list is the only place that names them all."""

from typing import Final

from resonanz_streams.kpis import (
    engagement_rate_by_followers,
    interactions,
    interactions_per_potential,
    velocity,
)
from resonanz_streams.kpis.base import Kpi

KPIS: Final[tuple[Kpi, ...]] = (
    interactions.KPI,
    velocity.KPI,
    engagement_rate_by_followers.KPI,
    interactions_per_potential.KPI,
)
