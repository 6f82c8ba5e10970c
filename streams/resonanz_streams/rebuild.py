"""``resonanz rebuild``: throw the state away and count it anew from the log.

Each partition is taken over as a worker would, counted from the log's beginning to where its state had
ended, and written in one transaction with the removal of every old row: killed at any moment, the old state
stands or the new one. Dead letters and late events were written when the records were first read; they are
not written again.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from resonanz_streams.audience_rows import ACCOUNT_PREFIX
from resonanz_streams.audit_counts import start_ms
from resonanz_streams.clock import Clock, wall_ms
from resonanz_streams.engine import META_KEY, PartitionEngine
from resonanz_streams.engine_for import engine_for
from resonanz_streams.errors import ResonanzError, StopError
from resonanz_streams.kpis.base import WINDOWS
from resonanz_streams.net_states import NEVER
from resonanz_streams.reach import Limit, audience_limits, hidden, log_limits
from resonanz_streams.refused import Letters
from resonanz_streams.registry import Registry
from resonanz_streams.settings import Settings
from resonanz_streams.state_head import Head, Recount, read_head
from resonanz_streams.topics import COUNTED_TOPICS, LEDGER_TOPICS, TOPICS
from resonanz_streams.transports.brokers import open_admin, open_archive, open_store
from resonanz_streams.transports.ports import Archive, Flush, Recovered, Run, StateStore
from resonanz_streams.transports.seal import opened

_FLUSH_RUNS: Final = 100
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """``records``: how many were read. ``windows``: those that lose something, which the log no longer
    holds."""

    partitions: int
    records: int
    windows: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done with a partition. ``ends``: where its state had ended, per topic; ``now_ms``: what
    it had reached, None if that is not known (``clock: event``)."""

    partition: int
    old_keys: frozenset[bytes]
    ends: Mapping[str, int]
    now_ms: int | None
    starts: Mapping[str, int]
    limits: Sequence[Limit]
    people_limits: Sequence[Limit] = field(default=())


async def rebuild(
    settings: Settings,
    registry: Registry,
    *,
    accept_loss: bool = False,
    clock: Clock = wall_ms,
    progress: Progress = lambda _done, _all: None,
) -> Rebuilt:
    """Count all partitions anew.

    Raises:
        StopError: a worker runs, a topic is not as configured, there is no state, or the log no longer holds
            what the state does.
        FencedError: a worker was started meanwhile; partitions that were not written stay as they were.
        RetryError: the broker is away.
    """
    # First of all: to open anything else would make a database that is not there.
    archive = open_archive(settings.broker, prefix=settings.topic_prefix, group=settings.group)
    store: StateStore | None = None
    try:
        _must_fit_and_rest(settings, registry)
        store = open_store(settings.broker, prefix=settings.topic_prefix, group=settings.group, anew=True)
        rebuilder = _Rebuilder(settings, registry, archive, store)
        return await rebuilder.run(clock(), accept_loss, progress)
    finally:
        if store is not None:
            await store.close()
        await archive.close()


def _must_fit_and_rest(settings: Settings, registry: Registry) -> None:
    admin = open_admin(settings.broker, prefix=settings.topic_prefix)
    with contextlib.closing(admin):
        # As a worker would: what is counted into other partitions than the log has, no worker can use.
        problems = admin.check(tuple(TOPICS.values()), registry.partitions)
        members = admin.members(settings.group)
    if problems:
        raise StopError("\n".join(problems))
    if members:
        raise StopError(
            f"group {settings.group} has {len(members)} running worker{'s'[: len(members) - 1]}; stop all of "
            "them first; on Kafka one that was killed counts as running for 10 s"
        )


class _Rebuilder:
    def __init__(self, settings: Settings, registry: Registry, archive: Archive, store: StateStore) -> None:
        self._settings = settings
        self._registry = registry
        self._archive = archive
        self._store = store
        self._letters = Letters(archive)

    async def run(self, clock_ms: int, accept_loss: bool, progress: Progress) -> Rebuilt:
        plans = [await self._plan(number, clock_ms) for number in range(self._registry.partitions)]
        plans = [plan for plan in plans if plan.old_keys or plan.ends]
        if not plans:
            raise StopError(
                f"group {self._settings.group} has counted nothing yet; a worker begins where the log does"
            )
        losses = [hidden((*plan.limits, *plan.people_limits), plan.starts) for plan in plans]
        windows = [window for window in WINDOWS if any(window in loss for loss in losses)]
        if windows and not accept_loss:
            reasons = sorted({reason for loss in losses for reason in loss.values()})
            raise StopError(
                f"{'; '.join(reasons)}: the windows {', '.join(windows)} would lose it; nothing was changed; "
                "to go on with what is left: resonanz rebuild --accept-loss"
            )
        await self._letters.catch_up()
        done, whole = 0, sum(sum(plan.ends.values()) for plan in plans)
        for plan in plans:

            def show(read: int, before: int = done) -> None:
                progress(before + read, whole)

            rows, offsets = await self._counted(plan, clock_ms, show)
            removed: dict[bytes, bytes | None] = dict.fromkeys(plan.old_keys)
            await self._store.flush(plan.partition, Flush(rows=removed | rows, offsets=offsets))
            done += sum(plan.ends.values())
        return Rebuilt(len(plans), done, windows)

    async def _plan(self, partition: int, clock_ms: int) -> _Plan:
        """Take the partition over and see where its state ends."""
        recovered = await self._store.recover(partition)
        head = _head(recovered, partition)
        known = dict(recovered.offsets)
        for topic, offset in (head.offsets if head else {}).items():
            known[topic] = max(offset, known.get(topic, 0))
        ends = {
            topic: min(known[topic], (await self._archive.ends(topic)).get(partition, 0))
            for topic in COUNTED_TOPICS
            if topic in known
        }
        now_ms = clock_ms if self._settings.clock == "wall" else head.now_ms if head else None
        beginnings = {topic: await self._archive.beginning(topic, partition) for topic in COUNTED_TOPICS}
        people = audience_limits(beginnings.pop("audience"), clock_ms)
        marks = head.marks if head else dict.fromkeys(LEDGER_TOPICS, clock_ms)
        return _Plan(
            partition,
            frozenset(recovered.rows),
            ends,
            now_ms,
            {window: start_ms(window, clock_ms if now_ms is None else now_ms) for window in WINDOWS},
            list(log_limits(beginnings, marks)),
            list(people) if any(key.startswith(ACCOUNT_PREFIX) for key in recovered.rows) else (),
        )

    async def _counted(
        self, plan: _Plan, clock_ms: int, progress: Callable[[int], None]
    ) -> tuple[dict[bytes, bytes], Mapping[str, int]]:
        """All rows, and the offsets that they contain."""
        engine = engine_for(self._settings, self._registry, plan.partition)
        engine.restore(Recovered({}, {}), clock_ms if self._settings.clock == "wall" else None)
        if plan.now_ms is not None:
            engine.advance(plan.now_ms)
        # What is lost is not covered, on every surface.
        longest = plan.starts[WINDOWS[-1]]
        engine.ledger.cut_ms = max(
            (limit.until_ms + 1 for limit in plan.limits if limit.hides(longest)), default=NEVER
        )
        engine.recount = Recount(dict(plan.ends), clock_ms)
        rows: dict[bytes, bytes] = {}
        before = 0
        for topic, end in plan.ends.items():
            number = 0
            async for run in self._archive.runs(topic, plan.partition, end):
                self._apply(engine, run, clock_ms)
                progress(before + run.next_offset)
                number += 1
                if number % _FLUSH_RUNS == 0:
                    _keep(rows, engine)
            engine.apply(Run(topic, plan.partition, end, end, (), ()), clock_ms)
            before += end
        _keep(rows, engine)
        return rows, dict(engine.offsets)

    def _apply(self, engine: PartitionEngine, run: Run, clock_ms: int) -> None:
        try:
            engine.apply(self._letters.without_quarantined(run), clock_ms)
        except ResonanzError:
            raise
        except Exception as error:
            raise StopError(
                f"{run.topic}/{run.partition}: a record at offsets {run.offsets[0]} to {run.offsets[-1]} "
                f"cannot be counted ({error!r}); nothing of this partition was changed"
            ) from error


def _keep(rows: dict[bytes, bytes], engine: PartitionEngine) -> None:
    """Take the engine's changes over; what else it would write has been written before."""
    while (merge := engine.merge_job()) is not None:
        merge()()
    flush = engine.take_flush()
    for key, row in (flush.rows if flush else {}).items():
        if row is None:
            rows.pop(key, None)
        else:
            rows[key] = row


def _head(recovered: Recovered, partition: int) -> Head | None:
    """The old head, if it can still be read."""
    data = recovered.rows.get(META_KEY)
    try:
        return None if data is None else read_head(opened(META_KEY, data, partition), partition, {})
    except StopError:
        return None
