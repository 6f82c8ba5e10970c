"""How a worker's engines go on by another registry: each takes its partition over from itself."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Protocol

from resonanz_streams.deep_book import Computed, DeepBook
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.errors import ResonanzError
from resonanz_streams.exclusions import log_exclusions
from resonanz_streams.growth import Growth
from resonanz_streams.heard import Heard
from resonanz_streams.poison import Care
from resonanz_streams.telling import Telling
from resonanz_streams.transports.ports import StateStore


class Owner(Protocol):
    """What is asked of the pipeline; see there."""

    engines: dict[int, PartitionEngine]
    sharing: bool
    failure: ResonanzError | None
    growth: Growth
    care: Care
    deep: DeepBook
    heard: Heard
    life: object | None

    def is_out_of_touch(self) -> bool: ...

    async def flush(self, partition: int) -> None: ...


class Renewal:
    """``turns``: who reads a partition holds its lock, so that nothing is read while it is renewed. ``done``:
    set when every engine goes by the newest registry. ``partition``: which is being renewed; its time stands.
    """

    def __init__(
        self,
        owner: Owner,
        *,
        store: StateStore,
        telling: Telling,
        locks: Mapping[int, asyncio.Lock],
        make: Callable[[int], PartitionEngine],
    ) -> None:
        self.turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.done = asyncio.Event()
        self.partition: int | None = None
        self._owner = owner
        self._store = store
        self._telling = telling
        self._locks = locks
        self._make = make

    async def renew(self, partition: int, engine: PartitionEngine) -> PartitionEngine:
        """The engine that goes on from here: the same, if it is not the moment to replace it.

        Nothing of the partition is read meanwhile; it is shown as it was. The new one is restored from what
        is durable, as if it had been taken over, so that accounts which come back find what was counted.

        Raises:
            FencedError, RetryError: see Pipeline.flush.
        """
        async with self.turns[partition]:
            life, self.partition = self._owner.life, partition
            try:
                fresh = await self._restored(partition, engine)
                if fresh is None:
                    return engine
                begun = time.monotonic()
                deep = await self._owner.deep.computed(partition, fresh)
                if self._owner.engines.get(partition) is engine and life is self._owner.life:
                    self._replace(partition, fresh, deep, time.monotonic() - begun)
                    return fresh
            finally:
                self.partition = None
        return engine

    async def _restored(self, partition: int, engine: PartitionEngine) -> PartitionEngine | None:
        owner = self._owner
        await owner.flush(partition)
        async with self._locks[partition]:
            # To recover a partition that is, or may be, another's by now would shut out its owner.
            if owner.sharing or owner.is_out_of_touch() or not self._is_durable(partition, engine):
                return None
            recovered = await self._store.recover(partition)
            fresh = self._make(partition)
            # Nobody else has it yet. Under the lock no flush brings the old one further meanwhile, and a run
            # waits for its turn: what is left to take over afterwards is of the same moment.
            await asyncio.to_thread(fresh.restore, recovered, engine.now_ms)
            fresh.succeed(engine)
        for status in owner.heard.statuses.values():
            fresh.observe(status)
        return fresh

    def _is_durable(self, partition: int, engine: PartitionEngine) -> bool:
        """Whether its flush may have written everything."""
        owner = self._owner
        still = owner.engines.get(partition) is engine
        return still and owner.failure is None and not owner.growth.suspects(partition, engine)

    def _replace(self, partition: int, engine: PartitionEngine, deep: Computed | None, took: float) -> None:
        """All at once: rows of the old engine's arrays are other accounts in the new one's."""
        owner, before = self._owner, self._owner.engines[partition].registry
        log_exclusions(before.exclusions_of(partition), engine.registry.exclusions_of(partition))
        owner.growth.forget(partition)
        owner.care.renewed(partition)
        owner.deep.end(partition)
        if deep is not None:
            owner.deep.keep(partition, deep, took)
        owner.engines[partition] = engine
        self._telling.begin(partition, engine)
