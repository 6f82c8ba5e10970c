"""Process and pipeline metrics: names, labels and values."""

import asyncio
import contextlib

from prometheus_client import CollectorRegistry
from tests.engines import NOW_MS, event
from tests.stores import Played, heartbeat

from resonanz_streams.errors import RetryError
from resonanz_streams.metrics import build_metrics

MINUTE, DAY = 60_000, 86_400_000


def values(registry: CollectorRegistry, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    return {
        tuple(sample.labels.items()): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == name
    }


def registry_of(played: Played) -> CollectorRegistry:
    return build_metrics(played.pipeline, lambda: played.clock_ms)


def test_the_sum_over_outcomes_is_every_event_read() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own(0)
        registry = registry_of(played)
        await played.read(
            event(id="1"), event(id="1"), event(id="1", op="remove", at_ms=NOW_MS), b"{",
            event(id="2", at_ms=NOW_MS - 60 * DAY), event(id="3", account="file:z"), partition=0,
        )  # fmt: skip
        await played.read(event(kind="share"), topic="shares")
        found = values(registry, "resonanz_events_total")
        assert found == {
            (("source", "file"), ("kind", "like"), ("outcome", "counted")): 1.0,
            (("source", "file"), ("kind", "like"), ("outcome", "duplicate")): 1.0,
            (("source", "file"), ("kind", "like"), ("outcome", "removed")): 1.0,
            (("source", "file"), ("kind", "like"), ("outcome", "late")): 1.0,
            (("source", ""), ("kind", "like"), ("outcome", "dead_letter")): 2.0,
            (("source", "file"), ("kind", "share"), ("outcome", "counted")): 1.0,
        }
        assert sum(found.values()) == 7
        assert values(registry, "resonanz_dead_letters_total") == {
            (("reason", "not_json"),): 1.0, (("reason", "unknown_account"),): 1.0
        }  # fmt: skip

    asyncio.run(scene())


def test_counters_do_not_fall_when_a_partition_goes_to_another_worker() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:b")
        await played.own(0, 3)
        registry = registry_of(played)
        await played.read(event(), event(account="file:b"))
        before = values(registry, "resonanz_events_total")
        await played.own(3)
        assert values(registry, "resonanz_events_total") == before
        assert values(registry, "resonanz_partitions_owned") == {(): 1.0}

    asyncio.run(scene())


def test_the_lag_is_the_clock_minus_the_watermark() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:b")
        await played.own(0, 3)
        registry = registry_of(played)
        played.pipeline.observe(heartbeat(complete_through_ms=NOW_MS - MINUTE))
        assert values(registry, "resonanz_event_lag_seconds") == {(("partition", "0"),): 60.0}, "3 knows none"
        played.clock_ms += 500
        assert values(registry, "resonanz_event_lag_seconds") == {(("partition", "0"),): 60.5}
        played.clock_ms = NOW_MS - DAY
        assert values(registry, "resonanz_event_lag_seconds") == {(("partition", "0"),): 0.0}

    asyncio.run(scene())


def test_positions_and_the_ledger() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own(0)
        registry = registry_of(played)
        await played.read(event(id="1"), event(id="2"), event(id="2"))
        await played.tick()
        assert values(registry, "resonanz_position") == {(("topic", "likes"), ("partition", "0")): 3.0}
        assert values(registry, "resonanz_ledger_entries") == {(("partition", "0"),): 2.0}
        # Two keys of 80 B in the ledger, of 85 B in a row that is not full; 7 windows of an account.
        assert values(registry, "resonanz_ledger_bytes") == {(("partition", "0"),): 330.0}
        assert values(registry, "resonanz_ledger_stated_bytes") == {(("partition", "0"),): 2_785_440.0}
        assert values(registry, "resonanz_rings_bytes") == {(("partition", "0"),): 26_740.0}
        assert values(registry, "resonanz_rings_stated_bytes") == {(("partition", "0"),): 26_740.0}
        assert values(registry, "resonanz_ledger_horizon_seconds") == {(("partition", "0"),): 29.0 * 86_400}
        assert values(registry, "resonanz_lost_records_total") == {(("partition", "0"),): 0.0}
        assert values(registry, "resonanz_recovered_position") == {}
        played.pipeline.drop_all()
        played.pipeline.begin()
        await played.own(0)
        assert values(registry, "resonanz_recovered_position") == {
            (("topic", "likes"), ("partition", "0")): 3.0
        }

    asyncio.run(scene())


def test_flushes_that_failed() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own(0)
        registry = registry_of(played)
        assert values(registry, "resonanz_flush_failures_total") == {}
        played.store.failing[0] = RetryError("away")
        with contextlib.suppress(RetryError):
            await played.tick()
        assert values(registry, "resonanz_flush_failures_total") == {(("reason", "RetryError"),): 1.0}

    asyncio.run(scene())


def test_the_process_tells_of_itself_and_registries_do_not_share() -> None:
    played = Played()
    one, other = registry_of(played), registry_of(played)
    assert one is not other
    assert values(one, "process_resident_memory_bytes")[()] > 0
    assert "python_info" in {sample.name for family in other.collect() for sample in family.samples}
