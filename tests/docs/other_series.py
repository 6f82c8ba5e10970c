"""What /metrics has beside the accounts' KPIs: of a worker itself, and of clients at the wall."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from prometheus_client import CollectorRegistry

from resonanz_dashboards.client_series import exposition
from resonanz_streams.exporter import Exporter
from resonanz_streams.exposition import DEFAULT_SERIES, labels_of, metric_name
from resonanz_streams.kpis import KPIS
from resonanz_streams.metrics import build_metrics
from resonanz_streams.reload_series import ReloadSeries
from tests.stores import Played, heartbeat

_HELP: Final = re.compile(r"^# HELP (resonanz_\S+) (.*)$", re.MULTILINE)
_SAMPLE: Final = re.compile(r"^(resonanz_\w+)\{(.*)\} ", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="')


@dataclass(frozen=True, slots=True)
class Other:
    """A metric that is no KPI of an account."""

    name: str
    labels: tuple[str, ...]
    help: str

    def markdown(self) -> str:
        """A line of a table."""
        return f"| `{self.name}` | {' '.join(f'`{label}`' for label in self.labels)} | {self.help} |"


def of_worker() -> list[Other]:
    """In the order of the exposition."""
    played = Played("file:a")
    registry = build_metrics(played.pipeline, lambda: played.clock_ms)
    reloader: Any = SimpleNamespace(successful=True, success_ms=0)
    registry.register(ReloadSeries(reloader))
    asyncio.run(_heard(played))
    text = b"".join(Exporter(played.pipeline, registry, (), ready=lambda: "").text()).decode()
    labels = _labels(registry) | {name: tuple(_LABEL.findall(all_)) for name, all_ in _SAMPLE.findall(text)}
    of_accounts = {"resonanz_account_info", "resonanz_coverage_24h_ratio"}
    return [
        Other(name, labels.get(name, ()), about)
        for name, about in _HELP.findall(text)
        if name not in of_accounts
    ]


async def _heard(played: Played) -> None:
    """A connector reports: its labels are known from what is said of it alone."""
    await played.own()
    played.pipeline.observe(heartbeat())
    await played.tick()


def _labels(registry: CollectorRegistry) -> dict[str, tuple[str, ...]]:
    """Also of those that have no sample yet."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): tuple(
            getattr(family, "_labelnames", ())
        )
        for family in registry.collect()
    }


def of_clients() -> Iterator[Other]:
    """In the order of the exposition: of a client, then of a client on one platform."""
    kpis = {kpi.id: kpi for kpi in KPIS}
    parts = {
        metric_name(kpis[one.kpi], one.window).removeprefix("resonanz"): one.parts or ()
        for one in DEFAULT_SERIES
    }
    for name, about in _HELP.findall(exposition(()).decode()):
        prefix, *others = ("resonanz_client_platform", "client", "platform")
        if not name.startswith(prefix):
            prefix, *others = ("resonanz_client", "client")
        named = [part for part in parts.get(name.removeprefix(prefix), ()) if part is not None]
        labels = [label for part in named for label, _ in labels_of(part)]
        yield Other(name, (*others, *dict.fromkeys(labels)), about)
