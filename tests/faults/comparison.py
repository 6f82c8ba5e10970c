"""Which figures are wrong: what the engine says, against the naive recomputation of the load.

Each string that these functions return is one figure that differs; an empty list is the aim. They fit a
load of :mod:`tests.faults.fleet`, once all of it and its end are published.
"""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from resonanz_streams.topics import DEAD_LETTERS, SOURCE_TOPICS
from resonanz_streams.transports.ports import Record
from tests.brokers import Broker
from tests.faults.expected import Samples, expected_rows, expected_samples, labelled
from tests.faults.fleet import ready, topic_of
from tests.faults.load import Load
from tests.faults.snapshots import Snapshot, last_snapshots
from tests.pipeline.plain import PLAIN_KPIS, Key, Row
from tests.processes import get, wait_until

FIELDS = ("value", "lo", "hi", "numerator", "denominator", "coverage", "reason")


def wrong_figures(broker: Broker, load: Load, ports: Sequence[int], *, seconds: float = 60.0) -> list[str]:
    """All that can be seen from outside: topic ``kpis``, ``/metrics`` of all workers, dead letters.

    Waits until every account was told as of the end and nothing is wrong with it, at most ``seconds``.
    """
    return [
        *wrong_snapshots(broker, load, seconds=seconds),
        *wrong_samples(load, ports),
        *wrong_letters(broker, load),
    ]


def wrong_snapshots(broker: Broker, load: Load, *, seconds: float = 60.0) -> list[str]:
    """Every number of the plain KPIs in the newest ``kpis`` record of every account, once none is wrong or
    ``seconds`` are over: heartbeats come one by one, and until its own has come an account is not covered."""
    expected = expected_rows(load)

    def right(newest: Mapping[str, Snapshot]) -> bool:
        of_the_end = all(newest.get(name, {}).get("at_ms") == load.end_ms for name in load.accounts)
        return of_the_end and not differing_rows(_rows(newest, load), expected, "kpis")

    newest = last_snapshots(broker.url, right, prefix=broker.prefix, seconds=seconds)
    return differing_rows(_rows(newest, load), expected, "kpis")


def _rows(newest: Mapping[str, Snapshot], load: Load) -> dict[Key, Row]:
    return {
        (account, entry["kpi"], entry["window"], entry["part"]): tuple(entry[field] for field in FIELDS)
        for account, snapshot in newest.items()
        if snapshot["at_ms"] == load.end_ms
        for entry in snapshot["kpis"]
        if entry["kpi"] in PLAIN_KPIS
    }


def differing_rows(found: Mapping[Key, Row], expected: Mapping[Key, Row], where: str) -> list[str]:
    """Exactly; the intervals up to the last digits, since the recomputation takes them from elsewhere."""
    return [
        f"{where}: {key}: {found.get(key)} instead of {expected.get(key)}"
        for key in sorted(found.keys() | expected.keys(), key=str)
        if key not in found or key not in expected or not _same(found[key], expected[key])
    ]


def _same(found: Row, expected: Row) -> bool:
    value, lo, hi, *rest = found
    its_value, its_lo, its_hi, *its_rest = expected
    return (value, rest) == (its_value, its_rest) and _near(lo, its_lo) and _near(hi, its_hi)


def _near(bound: float | None, its_bound: float | None) -> bool:
    if bound is None or its_bound is None:
        return bound is its_bound
    return math.isclose(bound, its_bound)


def wrong_samples(load: Load, ports: Sequence[int], *, connector: str = "file") -> list[str]:
    """Every sample of an account: its value, that it is there, that one worker alone exports it.

    A worker that has just joined its group writes snapshots a little before it shows anything.
    """
    with contextlib.suppress(AssertionError):  # who never is ready shows too little, and that is told
        wait_until(lambda: all(ready(port) for port in ports), "all workers are ready", 10)
    found: Samples = {}
    wrong = []
    for port in ports:
        for key, value in account_samples(port):
            if key in found:
                wrong.append(f"/metrics: {key} is exported twice")
            found[key] = value
    expected = expected_samples(load, connector)
    for key in sorted(found.keys() | expected.keys()):
        has, wants = found.get(key), expected.get(key)
        interval = key[0].endswith(("_lo", "_hi"))
        if not (_near(has, wants) if interval else has == wants):
            wrong.append(f"/metrics: {key}: {has} instead of {wants}")
    return wrong


def account_samples(port: int) -> Iterator[tuple[tuple[str, tuple[tuple[str, str], ...]], float]]:
    """Every sample of an account that a worker exports and we recompute; none if it does not answer."""
    for family in text_string_to_metric_families(get(f"http://127.0.0.1:{port}/metrics") or ""):
        for sample in family.samples:
            if "account" in sample.labels and "response_rate" not in sample.name:
                yield labelled(sample.name, sample.labels), sample.value


def wrong_letters(broker: Broker, load: Load) -> list[str]:
    """That the whole load is in the log, and exactly one dead letter of each broken line there.

    A publisher may write a line twice when a broker fails; each has its dead letter then.
    """
    records = in_the_log(broker)
    lines = [(record, line) for record in records for line in lines_of(record)]
    published = {(topic_of(kind), line) for _, kind, line in load.lines}
    there = {(record.topic, line) for record, line in lines}
    wrong = [f"never reached the log: {line!r}" for line in published - there]
    wrong += [f"nobody published: {line!r}" for line in there - published]
    due = Counter(
        (record.topic, record.partition, record.offset, load.broken[line], line)
        for record, line in lines
        if line in load.broken
    )
    letters = Counter(map(_letter, asyncio.run(broker.everything(DEAD_LETTERS))))
    wrong += [f"no dead letter {number} times: {one}" for one, number in (due - letters).items()]
    return wrong + [f"dead letter {number} times too often: {one}" for one, number in (letters - due).items()]


def in_the_log(broker: Broker) -> list[Record]:
    """Every record of the source topics."""
    return asyncio.run(broker.everything(*SOURCE_TOPICS))


def lines_of(record: Record) -> list[bytes]:
    """A record's lines."""
    return [line for line in (record.value or b"").split(b"\n") if line.strip()]


def _letter(record: Record) -> tuple[Any, ...]:
    told = dict(record.headers)
    place = told["topic"].decode(), int(told["partition"]), int(told["offset"])
    return (*place, told["reason"].decode(), record.value)


def wrong_outcomes(load: Load, port: int, log: Collection[Record]) -> list[str]:
    """Whether ``resonanz_events_total`` of a worker that recovered each partition once adds up to what it
    read since, and its dead letters to the broken lines in that.

    What waits for its time when a worker ends was read by that one, and is in nobody's outcomes.
    """
    text = get(f"http://127.0.0.1:{port}/metrics") or ""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    began = {
        (sample.labels["topic"], int(sample.labels["partition"])): sample.value
        for sample in samples
        if sample.name == "resonanz_recovered_position"
    }
    read = Counter(
        load.broken.get(line, "")
        for record in log
        if record.offset >= began.get((record.topic, record.partition), 0)
        for line in lines_of(record)
    )
    told = sum(sample.value for sample in samples if sample.name == "resonanz_events_total")
    letters = {
        sample.labels["reason"]: int(sample.value)
        for sample in samples
        if sample.name == "resonanz_dead_letters_total"
    }
    wrong = []
    if told != read.total():
        wrong.append(f"/metrics: {told:.0f} outcomes of {read.total()} events read")
    del read[""]
    if letters != dict(read):
        wrong.append(f"/metrics: dead letters {letters} of {dict(read)} broken lines")
    return wrong
