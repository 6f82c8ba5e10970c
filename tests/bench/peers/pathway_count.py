"""Pathway with one thread: ``… -m tests.bench.peers.pathway_count SERVERS GROUP EVENTS RECORDS HOW TOPIC…``.

``HOW``: ``window`` is its tumbling window, an instance for each account and kind; ``group`` is what serves it
best, a plain group-by of account, kind and the time divided by 10 s, which knows no window that ends. No
column is called ``id``, which would make it the rows' key. The time runs from the start of its engine, which
is when it begins to read.
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


def counts_in_windows(events: Any) -> Any:
    """With the window operator."""
    window = pw.temporal.tumbling(duration=10_000)
    keys = pw.make_tuple(events.account, events.kind)
    return events.windowby(events.at_ms, window=window, instance=keys).reduce(number=pw.reducers.count())


def counts_in_groups(events: Any) -> Any:
    """By hand."""
    rows = events.select(events.account, events.kind, window=events.at_ms // 10_000)
    return rows.groupby(rows.account, rows.kind, rows.window).reduce(number=pw.reducers.count())


HOW = {"window": counts_in_windows, "group": counts_in_groups}


def count(servers: str, group: str, records: int, how: str, topics: Sequence[str]) -> None:
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
    counts = HOW[how](tables[0].concat(*tables[1:]))
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
    count(sys.argv[1], sys.argv[2], int(sys.argv[4]), sys.argv[5], sys.argv[6:])
