"""What a worker would begin with: engines restored from the durable state; and what an audit says of it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import orjson

from resonanz_streams.clock import wall_ms
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.events import Status
from resonanz_streams.pipeline import Pipeline
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import load_settings
from resonanz_streams.snapshots import entries_of
from resonanz_streams.topics import INTERACTION_TOPICS, STATUS
from resonanz_streams.transports.brokers import open_store
from tests.brokers import Broker
from tests.faults.comparison import FIELDS, differing_rows
from tests.faults.expected import expected_rows
from tests.faults.load import Load
from tests.pipeline.plain import PLAIN_KPIS, Key, Row


def restored(broker: Broker, config: Path) -> list[PartitionEngine]:
    """One engine a partition, as the configured group left it. No worker may run meanwhile."""
    return asyncio.run(_restored(broker, config))


async def _restored(broker: Broker, config: Path) -> list[PartitionEngine]:
    settings = load_settings(config, os.environ)
    registry = build_registry(settings)
    store = open_store(settings.broker, prefix=settings.topic_prefix, group=settings.group)
    pipeline = Pipeline(settings, registry, store, wall_ms)
    try:
        await pipeline.assigned(frozenset(range(registry.partitions)))
        for record in await broker.everything(STATUS):
            pipeline.observe(msgspec.json.decode(record.value or b"", type=Status))
    finally:
        await store.close()
    return [engine for _, engine in sorted(pipeline.engines.items())]


def wrong_state(broker: Broker, load: Load, config: Path) -> list[str]:
    """Every plain KPI of engines restored from the durable state, and how far each has read.

    No worker may run meanwhile.
    """
    engines = restored(broker, config)
    wrong = []
    for topic in INTERACTION_TOPICS:
        for number, end in broker.ends(topic).items():
            position = engines[number].offsets.get(topic, 0)
            if position != end:
                wrong.append(f"state: {topic}/{number} is read up to {position} of {end}")
    found: dict[Key, Row] = {}
    for engine in engines:
        engine.advance(load.end_ms)
        inputs = engine.inputs()
        assert inputs is not None
        for entries in entries_of(inputs):
            for account, entry in zip(engine.accounts, entries, strict=True):
                if entry.kpi not in PLAIN_KPIS:
                    continue
                row = tuple(getattr(entry, field) for field in FIELDS)
                found[account.id, entry.kpi, entry.window, entry.part] = _without_nan(row)
    return wrong + differing_rows(found, expected_rows(load), "state")


def _without_nan(row: Row) -> Row:
    # As JSON says it.
    return tuple(None if value != value else value for value in row)  # type: ignore[return-value]  # noqa: PLR0124


def wrong_audit(config: Path) -> list[str]:
    """What ``resonanz audit`` finds, of the state and of topic ``kpis``; a worker may run meanwhile."""
    words = ["-m", "resonanz_streams", "audit", "--json", "--config", str(config)]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=120, check=False)
    if done.returncode not in {0, 1} or not done.stdout:
        return [f"audit: {done.returncode}: {done.stderr}"]
    found = orjson.loads(done.stdout)
    wrong = [f"audit: {difference}" for difference in found["differences"]]
    wrong += [f"audit: {what} {why}" for what, why in found["missing"].items()]
    return wrong if found["figures"] else [*wrong, "audit: nothing was compared"]
