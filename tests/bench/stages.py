"""Each stage of a worker alone, in this process, on runs as the embedded log gives them."""

import gc
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from resonanz_streams.clock import wall_ms
from resonanz_streams.contributions import net_deltas
from resonanz_streams.dead_letters import Lines
from resonanz_streams.decode import Columns, Decoder
from resonanz_streams.details import Facets
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.evaluation import evaluate
from resonanz_streams.exporter import Exporter
from resonanz_streams.exposition import DEFAULT_SERIES
from resonanz_streams.ledger import Changes, Ledger
from resonanz_streams.ledger_rows import Entries, LedgerRows
from resonanz_streams.metrics import build_metrics
from resonanz_streams.net_states import alone
from resonanz_streams.pipeline import Pipeline
from resonanz_streams.registry import Registry, build_registry
from resonanz_streams.settings import Settings, load_settings
from resonanz_streams.snapshots import SnapshotBook
from resonanz_streams.topics import LEDGER_TOPICS
from resonanz_streams.transports.ports import Run
from resonanz_streams.transports.sqlite_store import SqliteStore
from resonanz_streams.windows import Windows
from tests.bench.alone import FLUSH_EVENTS, LEDGER_BYTES, counted, read_runs
from tests.bench.figures import Round, Row, measured
from tests.bench.load import settings_data
from tests.bench.logs import fill_sqlite, write_config
from tests.bench.race import bench_load
from tests.bench.setting import ACCOUNTS, Setting


@dataclass(frozen=True, slots=True)
class Batch:
    """A decoded run."""

    partition: int
    kind: int
    columns: Columns

    def entries(self) -> Entries:
        """As the ledger takes them."""
        columns = self.columns
        return Entries(
            columns.keys,
            alone(columns.at_ms, columns.removal, columns.weights, columns.details),
            columns.rows.astype(np.uint32),
            np.full(len(columns), self.kind, dtype=np.uint8),
        )


class Stages:
    """The stages' inputs, each computed once from the one before. ``events``: lines in the log."""

    def __init__(self, settings: Settings, registry: Registry, database: Path, events: int) -> None:
        self._settings = settings
        self._registry = registry
        self._database = database
        self._events = events
        self._now_ms = wall_ms()
        self._facets = [Facets() for _ in range(registry.partitions)]
        self._runs = list(self._read())
        self._batches = list(self._decode())
        self._changes = list(self._count_once())

    def rows(self, rounds: int) -> Iterator[Row]:
        """A row for each stage."""
        # As a worker does: what is loaded by now is no garbage.
        gc.collect()
        gc.freeze()
        yield self._row("drain: the embedded log", self._read, rounds)
        yield self._row("decode", self._decode, rounds)
        yield self._row("ledger", self._count_once, rounds)
        yield self._row("windows", self._add_up, rounds)
        yield self._row("state rows", self._pack, rounds)
        yield self._row("all of these: the engine", self._engines, rounds)
        yield from self._per_tick(rounds)
        gc.unfreeze()

    def _row(self, name: str, stage: Callable[[], Iterator[object]], rounds: int) -> Row:
        return Row(name, [self._round(stage) for _ in range(rounds)])

    def _round(self, stage: Callable[[], Iterator[object]]) -> Round:
        with measured(self._events) as found:
            for _ in stage():
                pass
        return found()

    def _read(self) -> Iterator[Run]:
        return read_runs(self._database)

    def _decode(self) -> Iterator[Batch]:
        decoders = [Decoder(self._registry, number, facets) for number, facets in enumerate(self._facets)]
        for run in self._runs:
            columns, _ = decoders[run.partition].operations(run, Lines(run), self._now_ms)
            yield Batch(run.partition, LEDGER_TOPICS.index(run.topic), columns)

    def _count_once(self) -> Iterator[tuple[int, Entries, Changes]]:
        ledgers = [Ledger(LEDGER_BYTES, detailed=True) for _ in range(self._registry.partitions)]
        for batch in self._batches:
            entries = batch.entries()
            ledger = ledgers[batch.partition]
            changes, _ = ledger.apply(entries.keys, entries.states)
            if (merge := ledger.merge_job()) is not None:
                merge()()
            yield batch.partition, entries.at(changes.first), changes

    def _add_up(self) -> Iterator[None]:
        windows = [
            Windows(len(self._registry.accounts_of(number))) for number in range(self._registry.partitions)
        ]
        for one in windows:
            one.advance(self._now_ms)
        for partition, touched, changes in self._changes:
            accounts, kinds = touched.accounts.astype(np.int64), touched.kinds.astype(np.int64)
            windows[partition].add(net_deltas(changes, accounts, kinds))
            yield

    def _pack(self) -> Iterator[None]:
        rows = [
            LedgerRows([account.id for account in self._registry.accounts_of(number)], self._facets[number])
            for number in range(self._registry.partitions)
        ]
        waiting = [0] * len(rows)
        for partition, touched, changes in self._changes:
            rows[partition].record(Entries(changes.keys, changes.after, touched.accounts, touched.kinds))
            waiting[partition] += len(changes.keys)
            if waiting[partition] >= FLUSH_EVENTS:
                rows[partition].take(0)
                waiting[partition] = 0
            yield
        for one in rows:
            one.take(0)

    def _engines(self) -> Iterator[PartitionEngine]:
        yield from counted(self._registry, self._runs, self._now_ms)

    def _per_tick(self, rounds: int) -> Iterator[Row]:
        """What a tick and a scrape cost, whatever the number of events."""
        engines = list(self._engines())
        accounts = len(self._registry.accounts)
        store = SqliteStore(f"sqlite:///{self._database}", prefix="", group="stages")
        pipeline = Pipeline(self._settings, self._registry, store, wall_ms)
        pipeline.engines = dict(enumerate(engines))
        exporter = Exporter(pipeline, build_metrics(pipeline, wall_ms), DEFAULT_SERIES, ready=lambda: "")

        def kpis() -> None:
            for engine in engines:
                if (inputs := engine.inputs()) is not None:
                    list(evaluate(inputs))

        def snapshots() -> None:
            for engine in engines:
                book, inputs = SnapshotBook(engine.accounts), engine.inputs()
                if inputs is not None:
                    for _ in book.encode(book.due(inputs, self._now_ms), inputs, self._now_ms):
                        pass

        def exposition() -> None:
            for _ in exporter.text():
                pass

        yield self._tick_row("KPIs", kpis, rounds, f"a tick, {accounts:,} accounts, all windows")
        yield self._tick_row("snapshots", snapshots, rounds, f"{accounts:,} accounts as JSON for topic kpis")
        series = sum(one.most() for one in DEFAULT_SERIES) + 2
        yield self._tick_row("exposition", exposition, rounds, f"a scrape, {accounts * series:,} series")

    def _tick_row(self, name: str, work: Callable[[], None], rounds: int, what: str) -> Row:
        seconds = sorted(self._seconds(work) for _ in range(rounds))
        return Row(name, note=f"{seconds[len(seconds) // 2] * 1000:.1f} ms {what}")

    def _seconds(self, work: Callable[[], None]) -> float:
        with measured(1) as found:
            work()
        return found().cpu_seconds


def measure_stages(setting: Setting) -> None:
    """A row for each stage."""
    setting.say("each stage alone")
    load, url = bench_load(setting.scale.events), f"sqlite:///{setting.folder}/stages.db"
    fill_sqlite(url, load)
    config = write_config(setting.folder, "stages", settings_data(ACCOUNTS, url))
    settings = load_settings(config, os.environ)
    stages = Stages(settings, build_registry(settings), setting.folder / "stages.db", len(load))
    setting.report.rows += stages.rows(setting.scale.rounds)
