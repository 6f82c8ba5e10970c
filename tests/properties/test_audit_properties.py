"""Whatever is published, in whatever order, cut into whatever flushes: an audit finds nothing; and it finds
the one entry of the state that was changed."""

import asyncio
import json
import tempfile
from collections.abc import Mapping
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.brokers import Broker
from tests.counting import Counting, audited, settings_on
from tests.engines import NOW_MS
from tests.strategies import ACCOUNTS, logs

from resonanz_streams.ledger_rows import LedgerRows
from resonanz_streams.settings import Settings
from resonanz_streams.transports.brokers import open_store
from resonanz_streams.transports.ports import Flush, Outgoing

Log = dict[str, list[list[dict[str, Any]]]]
REACHED_MS = NOW_MS + 3_600_000


def with_removals(log: Log) -> Log:
    """Of every other record the first event is taken back, at once or in the same millisecond."""
    return {
        kind: of_kind
        + [
            [record[0] | {"op": "remove", "at_ms": record[0]["at_ms"] + place % 4 // 2}]
            for place, record in enumerate(of_kind)
            if place % 2
        ]
        for kind, of_kind in log.items()
    }


def publish(broker: Broker, log: Log, part: slice) -> None:
    """A part of each topic's records, each of one line or several."""
    for kind, of_kind in log.items():
        for record in of_kind[part]:
            account = record[0]["account"]
            lines = [json.dumps(event).encode() for event in record if event["account"] == account]
            broker.publish(Outgoing(f"{kind}s", account.encode(), b"\n".join(lines)))


async def count(broker: Broker, configured: Settings, log: Log, ticks: list[int]) -> None:
    """Half of it, a restart, and the rest."""
    clock_ms = NOW_MS
    for part in (slice(0, None, 2), slice(1, None, 2)):
        publish(broker, log, part)
        async with Counting(configured, clock_ms=clock_ms) as worker:
            for by_ms in ticks:
                await worker.read("likes")
                await worker.tick(by_ms)
                await worker.read()
            await worker.tick()
            clock_ms = worker.clock_ms


def other_weight(row: bytes) -> bytes:
    """The ledger row with another weight of its first entry."""
    parts = msgspec.msgpack.decode(row)
    weight = int.from_bytes(parts[5][:4], "little", signed=True)
    other = weight - 1 if weight > 0 else weight + 1
    parts[5] = other.to_bytes(4, "little", signed=True) + parts[5][4:]
    return msgspec.msgpack.encode(parts)


def matters(before: Mapping[bytes, bytes], after: Mapping[bytes, bytes]) -> bool:
    """Whether a key has another weight within a window: rows merge, and one may tell what another outdoes."""
    one, other = (LedgerRows(ACCOUNTS).load(rows, 0).states for rows in (before, after))
    return bool(((one.weight != other.weight) & (one.added > REACHED_MS - 28 * 86_400_000)).any())


async def changed(configured: Settings) -> bool:
    """Somebody changes the weight of some entry; whether any figure is another by that."""
    store = open_store(configured.broker, group=configured.group)
    try:
        for partition in range(configured.partitions):
            rows = (await store.recover(partition)).rows
            for key in sorted(key for key in rows if key.startswith(b"l/")):
                row = other_weight(rows[key])
                await store.flush(partition, Flush(rows={key: row}, offsets={}))
                return matters(rows, {**rows, key: row})
    finally:
        await store.close()
    return False


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    log=logs(reference_ms=NOW_MS, ahead_ms=500_000),
    ticks=st.lists(st.sampled_from((0, 1_000, 31_000, 300_000)), min_size=1, max_size=3),
    clock=st.sampled_from(("wall", "event")),
)
def test_what_was_counted_is_what_the_log_says(log: Log, ticks: list[int], clock: str) -> None:
    async def scene(folder: str) -> None:
        broker = Broker(f"sqlite:///{folder}/log.db", "")
        broker.create_topics()
        configured = settings_on(broker, *ACCOUNTS, clock=clock)
        await count(broker, configured, with_removals(log), ticks)
        if not any(log.values()):
            return
        report = await audited(configured, at_ms=REACHED_MS)
        assert report.differences == []
        assert report.unchecked == {}
        # By the event clock an entry may be later than now.
        if await changed(configured) and clock == "wall":
            found = (await audited(configured, at_ms=REACHED_MS)).differences
            assert {difference.source for difference in found} == {"state"}
            assert len({difference.account for difference in found}) == 1

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scene(folder))
