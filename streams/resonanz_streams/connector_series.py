"""The connectors' series of /metrics: three an account, so they are written as the accounts' own are."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from resonanz_streams.exposition import Family, escape
from resonanz_streams.pipeline import Pipeline

_HELP: Final = {
    "resonanz_connector_info": "1 for each connector that reports on an account.",
    "resonanz_connector_last_success_timestamp_seconds": "Everything up to here has been published.",
    "resonanz_connector_gap_seconds_total": "Time that a connector missed and could not fill.",
}


class ConnectorSeries:
    """Of the connectors that report on accounts which this worker owns."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._registry = pipeline.registry
        self._labels: dict[tuple[str, str], tuple[str, str]] = {}

    def families(self) -> Iterator[Family]:
        """One moment; in a stable order."""
        pipeline = self._pipeline
        if pipeline.registry is not self._registry:
            self._registry, self._labels = pipeline.registry, {}
        known, shown = pipeline.registry.accounts, pipeline.shown()
        keys = [
            key
            for key in sorted(pipeline.heard.statuses)
            if key[1] in known and known[key[1]].partition in shown
        ]
        labels = [self._labels_of(key) for key in keys]
        through = [pipeline.heard.statuses[key].complete_through_ms / 1000 for key in keys]
        missed = [pipeline.heard.missed_ms[key] / 1000 for key in keys]
        values = (np.ones(len(keys)), np.array(through, dtype=np.float64), np.array(missed, dtype=np.float64))
        for (name, text), column in zip(_HELP.items(), values, strict=True):
            whole = name == "resonanz_connector_info"
            lines = [about if whole else short for about, short in labels]
            yield Family(
                name, text, [(lines, "} ", column)], "counter" if name.endswith("_total") else "gauge"
            )

    def _labels_of(self, key: tuple[str, str]) -> tuple[str, str]:
        found = self._labels.get(key)
        if found is None:
            account = self._pipeline.registry.accounts[key[1]]
            short = f'connector="{escape(key[0])}",account="{escape(account.id)}"'
            about = f'{{client="{escape(account.client)}",platform="{escape(account.platform)}",{short}'
            found = self._labels[key] = (about, "{" + short)
        return found
