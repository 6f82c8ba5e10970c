"""A worker without Faust, on either broker: it reads when told to, and its clock is set."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from resonanz_streams.audit import audit
from resonanz_streams.audit_newest import Told, newest_told
from resonanz_streams.audit_report import Report
from resonanz_streams.events import KpiSnapshot
from resonanz_streams.pipeline import Pipeline
from resonanz_streams.registry import Registry, build_registry
from resonanz_streams.settings import Settings, settings_of
from resonanz_streams.topics import COUNTED_TOPICS, DEEP, KPIS
from resonanz_streams.transports.brokers import open_archive, open_store
from resonanz_streams.transports.ports import Outgoing, StateStore
from tests.brokers import Broker
from tests.engines import KEY, NOW_MS

ACCOUNTS: Final = ("file:a", "file:b", "file:c", "file:d", "file:e", "file:f")
Event = dict[str, Any]


def settings_on(broker: Broker, *accounts: str, **more: Any) -> Settings:
    """Three partitions, one client."""
    client = {"name": "Fleet", "potential": 1000, "accounts": list(accounts or ACCOUNTS)}
    data = {
        "broker": broker.url,
        "topic_prefix": broker.prefix,
        "group": "g",
        "partitions": 3,
        "pseudonym_key": "${KEY}",
        "clients": {"fleet": client},
        **more,
    }
    return settings_of(data, environment={"KEY": KEY})


@dataclass
class Counting:
    """``async with Counting(settings) as worker: await worker.read(); await worker.tick()``."""

    settings: Settings
    clock_ms: int = NOW_MS
    registry: Registry = field(init=False)
    pipeline: Pipeline = field(init=False)
    store: StateStore = field(init=False)

    async def __aenter__(self) -> Self:
        settings = self.settings
        self.registry = build_registry(settings)
        self.store = open_store(settings.broker, prefix=settings.topic_prefix, group=settings.group)
        self.pipeline = Pipeline(settings, self.registry, self.store, lambda: self.clock_ms)
        try:
            await self.pipeline.assigned(frozenset(range(settings.partitions)))
        except BaseException:
            await self.store.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.store.close()

    async def read(self, *topics: str) -> None:
        """Count what the topics hold by now."""
        settings = self.settings
        archive = open_archive(settings.broker, prefix=settings.topic_prefix, group=settings.group)
        try:
            for topic in topics or COUNTED_TOPICS:
                for partition, end in (await archive.ends(topic)).items():
                    async for run in archive.runs(topic, partition, end):
                        await self.pipeline.apply(run)
        finally:
            await archive.close()

    async def tick(self, by_ms: int = 0) -> None:
        """Let time pass, write state and snapshots."""
        self.clock_ms += by_ms
        await self.pipeline.cycle(60.0)


def records(events: Sequence[Event]) -> list[Outgoing]:
    """One record for each event, in the topic of its kind; without a kind it is of followers, or a post."""
    return [
        Outgoing(_topic_of(event), event["account"].encode(), json.dumps(event).encode()) for event in events
    ]


def _topic_of(event: Event) -> str:
    if "kind" in event:
        return f"{event['kind']}s"
    return "audience" if "followers" in event else "posts"


async def audited(settings: Settings, *, at_ms: int = NOW_MS, account: str | None = None) -> Report:
    """What ``resonanz audit`` finds."""
    archive = open_archive(settings.broker, prefix=settings.topic_prefix, group=settings.group)
    try:
        return await audit(settings, build_registry(settings), archive, account=account, clock=lambda: at_ms)
    finally:
        await archive.close()


async def entries_told(settings: Settings) -> int:
    """How many entries the newest snapshots of all accounts hold."""
    return sum(len(one.snapshot.kpis) for one in await _newest(settings))


async def told_of(settings: Settings, account: str, topic: str) -> KpiSnapshot:
    """The newest snapshot of an account in one of the topics."""
    found = [one.snapshot for one in await _newest(settings) if one.topic == topic]
    return next(snapshot for snapshot in found if snapshot.account == account)


async def _newest(settings: Settings) -> Sequence[Told]:
    registry = build_registry(settings)
    archive = open_archive(settings.broker, prefix=settings.topic_prefix, group=settings.group)
    try:
        newest = [
            await newest_told(archive, topic, number, registry.accounts_of(number))
            for topic in (KPIS, DEEP)
            for number in range(registry.partitions)
        ]
    finally:
        await archive.close()
    return [one for part in newest for one in part.told.values()]
