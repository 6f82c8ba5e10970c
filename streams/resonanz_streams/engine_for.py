"""The engine of a partition as it is configured."""

from resonanz_streams.catalogue import known_kpis
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.kpis.base import Kpi
from resonanz_streams.measures import MakeMeasures, Measures
from resonanz_streams.registry import Registry
from resonanz_streams.settings import Settings


def engine_for(
    settings: Settings, registry: Registry, partition: int, measures: MakeMeasures = Measures
) -> PartitionEngine:
    """An engine that was not restored yet. The ledger's memory is shared evenly by all partitions."""
    return PartitionEngine(
        registry,
        partition,
        horizon_ms=settings.horizon_ms,
        ledger_max_bytes=settings.ledger_max_mb * 2**20 // registry.partitions,
        kpis=chosen_kpis(settings),
        measures=measures,
    )


def chosen_kpis(settings: Settings) -> tuple[Kpi, ...]:
    """The KPIs that the configuration wants, in the catalogue's order."""
    return tuple(kpi for kpi in known_kpis() if settings.kpis == "all" or kpi.id in settings.kpis)
