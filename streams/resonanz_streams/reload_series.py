"""Whether the configuration file is what the process goes by, as Prometheus says it of its own."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from resonanz_streams.reload import Reloader


class ReloadSeries(Collector):
    """Reads a reloader at each scrape."""

    def __init__(self, reloader: Reloader) -> None:
        self._reloader = reloader

    def collect(self) -> Iterator[Metric]:
        """Both gauges."""
        yield GaugeMetricFamily(
            "resonanz_configuration_last_reload_successful",
            "1 if the configuration was taken over when it was last read; 0: the one before goes on.",
            value=self._reloader.successful,
        )
        yield GaugeMetricFamily(
            "resonanz_configuration_last_reload_success_timestamp_seconds",
            "When the configuration that is in effect was taken over.",
            value=self._reloader.success_ms / 1000,
        )
