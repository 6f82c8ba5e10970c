"""Pathway with one thread: ``… -m tests.bench.peers.pathway_count SERVERS GROUP EVENTS RECORDS TOPIC…``.

A group-by of account, kind and 10 s; no column is called ``id``, which would make it the rows' key. The time
runs from the start of its engine, which is when it begins to read.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

import pathway as pw

from tests.bench.telling import Watch


class Event(pw.Schema):  # type: ignore[misc]
    """What is counted by."""

    account: str
    kind: str
    at_ms: int


def count(servers: str, group: str, records: int, topics: Sequence[str]) -> None:
    """Count until the sum of all counts is ``records``."""
    settings = {
        "bootstrap.servers": servers,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "fetch.queue.backoff.ms": "5",
    }
    tables = [
        pw.io.kafka.read(settings, topic=topic, schema=Event, format="json", autocommit_duration_ms=500)
        for topic in topics
    ]
    pw.universes.promise_are_pairwise_disjoint(*tables)
    events = tables[0].concat(*tables[1:])
    windows = events.select(events.account, events.kind, window=events.at_ms // 10_000)
    counts = windows.groupby(windows.account, windows.kind, windows.window).reduce(number=pw.reducers.count())
    total = counts.reduce(number=pw.reducers.sum(counts.number))
    watch = Watch()

    def on_change(key: object, row: dict[str, Any], time: int, is_addition: bool) -> None:  # noqa: ARG001
        if is_addition and row["number"] >= records:
            watch.stop(records, row["number"])
            os._exit(0)  # a streaming source never ends by itself

    pw.io.subscribe(total, on_change)
    watch.start()
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


if __name__ == "__main__":
    count(sys.argv[1], sys.argv[2], int(sys.argv[4]), sys.argv[5:])
