"""Process and pipeline metrics, collected by prometheus_client from what the pipeline counts."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from resonanz_streams.clock import Clock
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.pipeline import Pipeline
from resonanz_streams.tally import Tally


class PipelineCollector(Collector):
    """Reads the pipeline at each scrape; it holds no numbers of its own."""

    def __init__(self, pipeline: Pipeline, clock: Clock) -> None:
        self._pipeline = pipeline
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Every family of the pipeline, in a stable order."""
        yield from self._outcomes()
        yield from self._process()
        yield from self._positions()
        yield from self._engines()
        yield from self._failures()

    def _outcomes(self) -> Iterator[Metric]:
        events = CounterMetricFamily(
            "resonanz_events", "Every event read, by what became of it.", labels=("source", "kind", "outcome")
        )
        letters = CounterMetricFamily(
            "resonanz_dead_letters", "Records that could not be counted, by reason.", labels=("reason",)
        )
        together = Tally()
        for tally in self._pipeline.tallies():
            together.update(tally)
        for labels, count in sorted(together.outcomes.items()):
            events.add_metric(labels, count)
        for reason, count in sorted(together.dead_letters.items()):
            letters.add_metric((reason,), count)
        yield events
        yield letters

    def _process(self) -> Iterator[Metric]:
        pipeline = self._pipeline
        yield GaugeMetricFamily(
            "resonanz_recovering", "Partitions whose state is being read.", value=len(pipeline.recovering)
        )
        yield GaugeMetricFamily(
            "resonanz_partitions_owned", "Partitions that this worker owns.", value=len(pipeline.engines)
        )

    def _positions(self) -> Iterator[Metric]:
        position = GaugeMetricFamily(
            "resonanz_position", "Next offset to read.", labels=("topic", "partition")
        )
        for partition, engine in sorted(self._pipeline.engines.items()):
            for topic, offset in sorted(engine.offsets.items()):
                position.add_metric((topic, str(partition)), offset)
        recovered = GaugeMetricFamily(
            "resonanz_recovered_position",
            "Where this worker took the partition over; what an earlier one read beyond it is read again.",
            labels=("topic", "partition"),
        )
        for (topic, number), offset in sorted(self._pipeline.recovered_positions.items()):
            recovered.add_metric((topic, str(number)), offset)
        yield from (position, recovered)

    def _engines(self) -> Iterator[Metric]:
        now, by = self._clock(), ("partition",)
        lag = GaugeMetricFamily("resonanz_event_lag_seconds", "Clock minus watermark.", labels=by)
        entries = GaugeMetricFamily("resonanz_ledger_entries", "Keys in the ledger.", labels=by)
        sizes = [
            GaugeMetricFamily(f"resonanz_{name}_bytes", help_text, labels=by)
            for name, help_text in (
                ("ledger", "Memory that the ledger holds."),
                ("ledger_stated", "Memory that the ledger holds at most, by the stated formula."),
                ("rings", "Memory that the windows' counts hold."),
                ("rings_stated", "Memory that the windows' counts hold at most, by the stated formula."),
            )
        ]
        horizon = GaugeMetricFamily(
            "resonanz_ledger_horizon_seconds",
            "How far back an operation still counts; shorter than configured when memory is short.",
            labels=by,
        )
        lost = CounterMetricFamily(
            "resonanz_lost_records", "Records that retention removed before they were read.", labels=by
        )
        for partition, engine in sorted(self._pipeline.engines.items()):
            label = (str(partition),)
            if (mark := engine.watermark()) is not None:
                lag.add_metric(label, max(0.0, (now - mark) / 1000))
            entries.add_metric(label, len(engine.ledger))
            for family, number in zip(sizes, _footprints(engine), strict=True):
                family.add_metric(label, number)
            horizon.add_metric(label, engine.horizon_ms / 1000)
            lost.add_metric(label, engine.lost)
        yield from (lag, entries, *sizes, horizon, lost)

    def _failures(self) -> Iterator[Metric]:
        failures = CounterMetricFamily(
            "resonanz_flush_failures", "Flushes that were not written.", labels=("reason",)
        )
        for name, count in sorted(self._pipeline.flush_failures.items()):
            failures.add_metric((name,), count)
        counting = CounterMetricFamily(
            "resonanz_counting_failures",
            "How often counting itself failed and the worker started over; the records to blame are dead "
            "letters with the reason quarantined.",
            labels=("partition",),
        )
        for partition, count in sorted(self._pipeline.care.failures.items()):
            counting.add_metric((str(partition),), count)
        kpis = CounterMetricFamily(
            "resonanz_kpi_failures",
            "How often a KPI could not be computed and was left out.",
            labels=("kpi",),
        )
        for name, count in sorted(self._pipeline.kpi_failures.counts.copy().items()):
            kpis.add_metric((name,), count)
        yield from (failures, counting, kpis)


def _footprints(engine: PartitionEngine) -> tuple[int, ...]:
    ledger, rings = engine.footprints()
    return ledger.held_bytes, ledger.stated_bytes, rings.held_bytes, rings.stated_bytes


def build_metrics(pipeline: Pipeline, clock: Clock) -> CollectorRegistry:
    """A registry of its own with process, platform and pipeline metrics."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    registry.register(PipelineCollector(pipeline, clock))
    return registry
