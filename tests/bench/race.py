"""The whole worker and its peers; and what its records take on the broker's disk."""

from pathlib import Path
from typing import Final

from resonanz_streams.clock import wall_ms
from resonanz_streams.kpis import KPIS
from resonanz_streams.topics import INTERACTION_TOPICS, STATE
from tests.bench.figures import Report
from tests.bench.load import Load, make_load
from tests.bench.logs import fill_kafka, fill_sqlite
from tests.bench.peers.contestants import (
    BYTEWAX,
    DRAIN,
    FAUST,
    PATHWAY,
    PATHWAY_GROUPED,
    QUIX,
    STREAMS_LOGGED,
    Arena,
    Filled,
    contestants,
)
from tests.bench.setting import ACCOUNTS, Setting
from tests.bench.wholes import ON_KAFKA, ON_SQLITE, WITH_ALL, in_turn, our_worker
from tests.kafka_server import KafkaServer

LEAST: Final = (
    (QUIX, 5),
    (BYTEWAX, 6),
    (PATHWAY, 1.8),
    (PATHWAY_GROUPED, 1.8),
    (STREAMS_LOGGED, 1.2),
    (FAUST, 15),
)
"""How many times as fast the worker should be."""

_ALL: Final = "all."
"""Before the topics of the worker with all KPIs: its state is measured apart."""

OLD_MS: Final = 60_000
"""How long ago the load ends: its sentinels are no news from the future."""


def bench_load(events: int) -> Load:
    """An hour of two thousand accounts."""
    return make_load(events, accounts=ACCOUNTS, end_ms=wall_ms() - OLD_MS, span_ms=3_600_000)


def measure_race(setting: Setting) -> None:
    """Fill both brokers, then let all of them run, round by round in turn."""
    scale, report, folder = setting.scale, setting.report, setting.folder
    load, url = bench_load(scale.events), f"sqlite:///{folder}/race.db"
    records = fill_sqlite(url, load)
    embedded = our_worker(ON_SQLITE, url, load, records, folder)
    with setting.kafka("peers") as server:
        if server is None:
            report.rows += in_turn([embedded], scale.rounds, setting.say)
            return
        setting.say("filling the topics")
        arena = fill(server, load, scale.part_events, folder)
        ours = our_worker(ON_KAFKA, server.url, load, arena.whole.records, folder)
        everything = our_worker(
            WITH_ALL,
            server.url,
            load,
            fill_kafka(server.url, load, _ALL),
            folder,
            prefix=_ALL,
            note=f"the same with all {len(KPIS)} KPIs",
            kpis=[kpi.id for kpi in KPIS],
        )
        report.rows += in_turn([embedded, ours, everything, *contestants(arena)], scale.rounds, setting.say)
        setting.constants |= disk_bytes(server, scale.events, scale.rounds)
    compare(report)
    if (row := report.row(WITH_ALL)) is not None:
        setting.constants |= {"events_per_second": row.per_second, "cpu_per_million": row.cpu_per_million}


def fill(server: KafkaServer, load: Load, part_events: int, folder: Path) -> Arena:
    """All events, and the first of them again in topics of their own for those that take long."""
    part = load.first(part_events)
    return Arena(
        server.url.removeprefix("kafka://"),
        Filled("", len(load), fill_kafka(server.url, load)),
        Filled("part.", len(part), fill_kafka(server.url, part, "part.")),
        folder,
    )


def compare(report: Report) -> None:
    """The targets."""
    for peer, least in LEAST:
        report.compare(f"worker on Kafka against {peer}", ON_KAFKA, peer, least)
    report.compare("worker on Kafka against bare aiokafka", ON_KAFKA, DRAIN, 0.3)
    report.compare(f"{WITH_ALL} against {QUIX}", WITH_ALL, QUIX, 3)
    report.compare(f"{WITH_ALL} against those of counts", WITH_ALL, ON_KAFKA, 0.7)
    report.compare("worker on SQLite against the same on Kafka", ON_SQLITE, ON_KAFKA, 1)
    for name in (ON_KAFKA, ON_SQLITE):
        if (row := report.row(name)) is not None:
            report.at_most(f"CPU per million, {name}", row.cpu_per_million, 6, "s")


def disk_bytes(server: KafkaServer, events: int, rounds: int) -> dict[str, float]:
    """Bytes an event on the broker's disk: in its topic, and in the state of a group with all KPIs.

    ``rounds`` groups have counted the events.
    """
    sizes: dict[str, int] = {}
    for path in (server.log.parent / "data").glob("*/*.log"):
        topic = path.parent.name.rpartition("-")[0]
        sizes[topic] = sizes.get(topic, 0) + path.stat().st_size
    return {
        "log_bytes_per_event": sum(sizes[topic] for topic in INTERACTION_TOPICS) / events,
        "state_bytes_per_event": sizes.get(_ALL + STATE, 0) / events / rounds,
    }
