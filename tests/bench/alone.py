"""The engine without a broker: ``python -m tests.bench.alone --config FILE PARTITION…``.

Reads the runs of these partitions from the embedded log, then waits for SIGUSR1 and counts them. Several at
once show what the machine itself makes dearer when more processes share it.
"""

import argparse
import gc
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from resonanz_streams.catalogue import known_kpis
from resonanz_streams.clock import wall_ms
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.registry import Registry, build_registry
from resonanz_streams.settings import load_settings
from resonanz_streams.topics import DAY_MS, INTERACTION_TOPICS
from resonanz_streams.transports.ports import Recovered, Run
from resonanz_streams.transports.runs import RUN_BYTES, runs_of
from resonanz_streams.transports.sqlite_log import SqliteLog
from tests.bench.figures import measured
from tests.bench.telling import tell

HORIZON_MS: Final = 29 * DAY_MS
LEDGER_BYTES: Final = 2**29
FLUSH_EVENTS: Final = 50_000
"""Of one partition: what a second brings at 200,000 events/s."""


def read_runs(database: Path, partitions: Iterable[int] | None = None) -> Iterator[Run]:
    """The runs of all topics, or of these partitions of them, a run of each in turn."""
    log = SqliteLog(database)
    ends = {topic: log.end_offsets(topic) for topic in INTERACTION_TOPICS}
    wanted = None if partitions is None else frozenset(partitions)
    positions = {
        (topic, number): 0 for topic in ends for number in ends[topic] if wanted is None or number in wanted
    }
    while positions:
        for (topic, number), position in tuple(positions.items()):
            records = log.read(topic, number, position, RUN_BYTES)
            yield from runs_of(topic, number, position, records)
            positions[topic, number] = records[-1].offset + 1
            if positions[topic, number] >= ends[topic][number]:
                del positions[topic, number]
    log.close()


def counted(registry: Registry, runs: Iterable[Run], now_ms: int) -> Sequence[PartitionEngine]:
    """An engine for each partition, which has counted the runs and packed what a flush would write."""
    engines = [
        PartitionEngine(
            registry, number, horizon_ms=HORIZON_MS, ledger_max_bytes=LEDGER_BYTES, kpis=known_kpis()
        )
        for number in range(registry.partitions)
    ]
    waiting = [0] * len(engines)
    for engine in engines:
        engine.restore(Recovered({}, {}), now_ms)
    for run in runs:
        engine = engines[run.partition]
        engine.apply(run, now_ms)
        waiting[run.partition] += sum(value.count(b"\n") + 1 for value in run.values)
        if waiting[run.partition] >= FLUSH_EVENTS:
            engine.take_flush()
            if (merge := engine.merge_job()) is not None:
                merge()()
            waiting[run.partition] = 0
    return engines


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("partitions", type=int, nargs="+")
    options = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    settings = load_settings(options.config, os.environ)
    registry = build_registry(settings)
    runs = list(read_runs(Path(settings.broker.removeprefix("sqlite:///")), options.partitions))
    gc.collect()
    gc.freeze()
    tell("loaded")
    signal.sigwait([signal.SIGUSR1])
    with measured(sum(sum(value.count(b"\n") + 1 for value in run.values) for run in runs)) as found:
        counted(registry, runs, wall_ms())
    tell("round", round=msgspec.to_builtins(found()))


if __name__ == "__main__":
    main()
