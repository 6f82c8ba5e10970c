"""The partitions that this worker owns: runs go in, flushes and snapshots come out.

One :class:`PartitionEngine` a partition. Every cycle brings the engines to "now" and writes, per
partition, one transaction: ledger, account rows, source offsets, dead letters, late events and the
``kpis`` snapshots. So a snapshot never shows what is not durable, and a fenced worker shows nothing.
"""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from resonanz_streams.backlog import Backlog
from resonanz_streams.clock import Clock
from resonanz_streams.deep_book import DeepBook
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.engine_for import engine_for
from resonanz_streams.errors import FencedError, ResonanzError, RetryError
from resonanz_streams.evaluation import KpiFailures
from resonanz_streams.event_time import event_now_ms
from resonanz_streams.events import Status
from resonanz_streams.exclusions import log_exclusions
from resonanz_streams.exposition import series_of
from resonanz_streams.few_at_once import few_at_once
from resonanz_streams.growth import Growth
from resonanz_streams.heard import Heard
from resonanz_streams.measures import MakeMeasures, Measures
from resonanz_streams.poison import Care
from resonanz_streams.registry import Registry
from resonanz_streams.renewal import Renewal
from resonanz_streams.settings import Settings
from resonanz_streams.tally import Tally
from resonanz_streams.telling import Telling, share
from resonanz_streams.transports.ports import Flush, Recovered, Run, StateStore

log = logging.getLogger(__name__)

_REMOVED: Final = (
    "were removed before they were read, and are not counted; let the topic keep its records for longer, "
    "or start more workers"
)
_RECOVERIES: Final = 4
"""Partitions recovered at the same time, since most of it is waiting; each may hold a fetch of 8 MB."""


class Pipeline:
    """Implements ports.Ownership; ``sharing``: a rebalance runs. All methods run on the event loop's thread.

    ``failure``: why the worker must start over, or stop. ``life``: of the app that reads, or None.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        store: StateStore,
        clock: Clock,
        measures: MakeMeasures = Measures,
    ) -> None:
        self.registry = registry
        self.engines: dict[int, PartitionEngine] = {}
        self.sharing = False
        self.ours_from, self.ours_until = -math.inf, math.inf
        self.recovering: set[int] = set()
        self.heard = Heard(clock)
        self.recovered_positions: dict[tuple[str, int], int] = {}
        self.dropped_runs = 0
        self.flush_failures: Counter[str] = Counter()
        self.care = Care(self._base, self._restored, event_clock=settings.clock == "event")
        self.growth = Growth()
        self.backlog = Backlog()
        self.failure: ResonanzError | None = None
        self._settings = settings
        self._store = store
        self._clock = clock
        self._measures = measures
        self.kpi_failures = KpiFailures()
        every_tick, compute = settings.clock == "event", self.kpi_failures.columns
        exported = {(series.kpi, series.window) for series in series_of(settings.export)}
        self.deep = DeepBook(every_tick=every_tick, exported=exported, compute=compute)
        self._telling = Telling(clock, self.deep, every_tick=every_tick, compute=compute)
        self._locks: dict[int, asyncio.Lock] = {}
        self.renewal = Renewal(
            self,
            store=store,
            telling=self._telling,
            locks=self._locks,
            make=lambda number: engine_for(self._settings, self.registry, number, measures),
        )
        self._new_accounts: set[str] = set()
        self._past = Tally()
        self.life: object | None = object()

    # -- ownership ---------------------------------------------------------------------------------

    async def assigned(self, partitions: frozenset[int]) -> Mapping[tuple[str, int], int]:
        """Give up what went to others, recover what is new; see ports.Ownership."""
        self.growth.check(partitions, self.registry.partitions)
        lost = sorted(self.engines.keys() - partitions)
        for partition in lost:
            self._drop(partition)  # at once: a flush may be under way, and others may show it already
        for partition in lost:
            async with self._locks[partition]:
                await self._store.release(partition)
        new = partitions - self.engines.keys()
        # All at once: between two of them the worker is no more ready than before the first.
        self.recovering |= new
        try:
            await few_at_once(self._recover, sorted(new), _RECOVERIES)
        finally:
            self.recovering -= new
        self.sharing = False
        return self.positions()

    async def revoked(self, partitions: frozenset[int]) -> None:
        """Write what is counted so far; what comes back with the next assignment keeps its state.

        Should another worker have owned a partition in between, its recovery fenced this one's store. What
        was not heard of for a session belongs to others, with all that is not written.
        """
        self.sharing = True
        owned = sorted(partitions & self.engines.keys())
        if self.is_out_of_touch():
            for partition in owned:
                self._drop(partition)
            return
        for partition in owned:
            await self.flush(partition)

    def is_out_of_touch(self) -> bool:
        """Whether others may own our partitions by now."""
        return time.monotonic() > self.ours_until

    def is_too_soon(self) -> bool:
        """Whether another may still show our partitions as its own."""
        return time.monotonic() < self.ours_from

    def shown(self) -> Mapping[int, PartitionEngine]:
        """The partitions whose accounts may be exported: ours for sure."""
        return {} if self.is_out_of_touch() or self.is_too_soon() else self.engines

    def _drop(self, partition: int) -> None:
        self.growth.forget(partition)
        engine = self.engines.pop(partition, None)
        self._telling.end(partition)
        self.deep.end(partition)
        if engine is not None:
            self._past.update(engine.tally)

    def begin(self) -> None:
        """A new app reads for us: until its group's coordinator says otherwise, what we get is ours."""
        self.ours_from, self.ours_until = -math.inf, math.inf
        self.life = object()

    def drop_all(self) -> None:
        """Forget what is not durable: the next assignment recovers everything. Until :meth:`begin` nothing is
        ours: what is just being recovered, or assigned to an app that ends, comes too late."""
        self.sharing, self.ours_until, self.life = False, -math.inf, None
        for partition in tuple(self.engines):
            self._drop(partition)
        self.care.start_over()
        self.failure = None

    async def _recover(self, partition: int) -> None:
        self._locks.setdefault(partition, asyncio.Lock())
        life = self.life
        if life is None:
            return
        recovered = await self._store.recover(partition)
        if life is not self.life:
            return
        engine = self._restored(partition, recovered)
        engine.take_up(self._new_accounts)
        self.recovered_positions |= {(topic, partition): at for topic, at in engine.offsets.items()}
        for status in self.heard.statuses.values():
            engine.observe(status)
        self.engines[partition] = engine
        self._telling.begin(partition, engine)
        log_exclusions((), self.registry.exclusions_of(partition))
        self.recovering.discard(partition)

    def _restored(self, partition: int, recovered: Recovered) -> PartitionEngine:
        engine = engine_for(self._settings, self.registry, partition, self._measures)
        engine.restore(recovered, self._clock() if self._settings.clock == "wall" else None)
        return engine

    def positions(self) -> dict[tuple[str, int], int]:
        """The next offset per (topic, partition) of everything owned."""
        return {
            (topic, partition): offset
            for partition, engine in self.engines.items()
            for topic, offset in engine.offsets.items()
        }

    # -- what comes in -----------------------------------------------------------------------------

    async def apply(self, run: Run) -> None:
        """Count one run, then let others have the event loop.

        A run that does not continue where the engine stands was fetched before a recovery or a seek;
        it is dropped, since the consumer reads it again.
        """
        async with self.renewal.turns[run.partition]:
            await self._apply(run)
        await asyncio.sleep(0)

    async def _apply(self, run: Run) -> None:
        engine = self.engines.get(run.partition)
        if engine is None or run.first_offset > engine.offsets.get(run.topic, run.first_offset):
            self.dropped_runs += 1
            return
        if run.lost:
            log.warning("%s/%d: %d records %s", run.topic, run.partition, run.lost, _REMOVED)
        try:
            tried, rejected = await self.care.tried(run, engine, self._clock())
            if self.engines.get(run.partition) is engine:
                engine.apply(tried, self._clock())
                self.backlog.counted(sum(map(len, tried.values)))
                engine.reject(run.topic, rejected)
                if rejected:
                    await self.flush(run.partition)
                    self.care.found(run.partition)
        except ResonanzError as error:
            self.failure = self.failure or error
        except Exception as error:  # noqa: BLE001  # whatever it is, others must not wait for ever
            self._failed(run.partition, error)

    def _failed(self, partition: int, error: BaseException) -> None:
        """The engine may hold half of a run: nothing of it is written or shown."""
        log.debug("what failed", exc_info=error)
        self.failure = self.care.failed(partition, error)
        self._drop(partition)

    async def _base(self, partition: int) -> Recovered:
        """All that has been counted of a partition, from the store."""
        await self.flush(partition)
        async with self._locks[partition]:
            if partition not in self.engines:
                # To recover it would shut out who owns it now.
                raise RetryError(f"partition {partition} was given up while a record was tried")
            return await self._store.recover(partition)

    def observe(self, status: Status) -> None:
        """Take a connector's heartbeat; only the newest of a (connector, account) counts."""
        if (believed := self.heard.take(status)) is None:
            return
        account = self.registry.accounts.get(believed.account)
        if account is not None and account.partition in self.engines:
            self.engines[account.partition].observe(believed)

    def tallies(self) -> Iterator[Tally]:
        """What became of the events read, of engines past and present."""
        yield self._past
        for engine in self.engines.values():
            yield engine.tally

    # -- another registry --------------------------------------------------------------------------

    def adopt(self, settings: Settings, registry: Registry) -> None:
        """Go by these, which differ in nothing that a restart is needed for: the next cycle lets every
        engine go on by them, one at a time; see :class:`Renewal`."""
        self.renewal.done.clear()
        self._new_accounts |= registry.accounts.keys() - self.registry.accounts.keys()
        self._settings, self.registry = settings, registry

    # -- what goes out -----------------------------------------------------------------------------

    def now_ms(self) -> int | None:
        """The wall clock, or with ``clock: event`` the events'; None before the first event."""
        return self._clock() if self._settings.clock == "wall" else event_now_ms(self.engines.values())

    async def cycle(self, budget_seconds: float) -> None:
        """Bring every engine to now, then flush all of them together, ``budget_seconds`` for snapshots."""
        self.backlog.begin()
        now = self.now_ms()
        left = budget_seconds + self._telling.spent_seconds if now is not None else 0.0
        order = self._telling.in_turn(self.engines)
        for number, partition in enumerate(order):
            engine = self.engines.get(partition)
            if engine is None:
                continue
            if now is not None and not self._advanced(partition, engine, now):
                return
            await asyncio.sleep(0)
            if engine.registry is not self.registry:
                engine = await self.renewal.renew(partition, engine)
            if self.deep.every_tick and now is not None and not await self._deepened(partition, engine):
                return
            seconds = share(left - self._telling.spent_seconds, len(order) - number)
            await self.flush(partition, snapshot_seconds=seconds)
            if not self.deep.every_tick and not await self._deepened(partition, engine):
                return
            if (merge := engine.merge_job()) is not None:
                install = await asyncio.to_thread(merge)
                install()
        if all(engine.registry is self.registry for engine in self.engines.values()):
            self._new_accounts.clear()
            self.renewal.done.set()

    def refreshed(self) -> Iterator[PartitionEngine]:
        """What may be exported, by the wall clock as of now: what came since the last cycle counts, too.

        The caller may let others work in between: what goes to another owner meanwhile is left out.
        """
        for partition, engine in sorted(self.shown().items()):
            if self.shown().get(partition) is not engine:
                continue
            if (
                partition == self.renewal.partition
                or self._settings.clock == "event"
                or self._advanced(partition, engine, self._clock())
            ):
                yield engine

    def _advanced(self, partition: int, engine: PartitionEngine, now_ms: int) -> bool:
        try:
            engine.advance(now_ms)
        except Exception as error:  # noqa: BLE001  # as in apply
            self._failed(partition, error)
            return False
        return True

    async def _deepened(self, partition: int, engine: PartitionEngine) -> bool:
        try:
            await self.deep.refresh(partition, engine, lambda: self.engines.get(partition) is engine)
        except Exception as error:  # noqa: BLE001  # as in apply
            self._failed(partition, error)
            return False
        return True

    async def flush(self, partition: int, *, snapshot_seconds: float = 0.0) -> None:
        """Write what is new of one partition in one transaction; nothing new, nothing written.

        After a run that could not be counted nothing is written: an engine may hold half of it.

        Raises:
            FencedError: another worker owns the partition now. It is no longer exported from here.
            RetryError: the broker is away; the worker must start over from what is durable.
        """
        lock = self._locks[partition]
        async with lock:
            engine = self.engines.get(partition)
            if engine is None or self.growth.suspects(partition, engine):
                return
            try:
                records = await self._telling.records(partition, engine, snapshot_seconds)
                if self.failure is not None:
                    return
                flush = engine.take_flush()
            except Exception as error:  # noqa: BLE001  # as in apply
                self._failed(partition, error)
                return
            if flush is None and not records:
                return
            flush = flush or Flush(rows={}, offsets={})
            try:
                await self._store.flush(
                    partition, replace(flush, records=(*flush.records, *records)) if records else flush
                )
            except (FencedError, RetryError) as error:
                self.flush_failures[type(error).__name__] += 1
                self._drop(partition)
                raise
