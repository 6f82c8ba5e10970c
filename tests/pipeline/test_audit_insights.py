"""Reach and impressions of posts in an audit, live and stored: right, wrong, rebuilt."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
from tests.brokers import Broker
from tests.counting import Counting, audited, records, settings_on
from tests.engines import NOW_MS, event
from tests.pipeline.test_audit import change_state, counted, offset_of
from tests.pipeline.test_rebuild import rebuilt

from resonanz_connectors.publisher import SqlitePublisher
from resonanz_streams.topics import DEEP
from resonanz_streams.transports.ports import Outgoing
from resonanz_streams.transports.sqlite_log import SqliteLog
from resonanz_streams.transports.sqlite_schema import path_of

MINUTE, HOUR = 60_000, 3_600_000
Event = dict[str, Any]


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def told(account: str, post: str, at_ms: int, **figures: int) -> Event:
    return {
        "v": 1,
        "id": f"{post} {at_ms}",
        "source": "file",
        "account": account,
        "at_ms": at_ms,
        "followers": 100,
        "object": post,
        **figures,
    }


def published(account: str, post: str, at_ms: int) -> Event:
    return {"v": 1, "id": post, "source": "file", "account": account, "at_ms": at_ms}


def load() -> list[Event]:
    """Two accounts with seven posts of seven hours; of most the reach is told thrice, once too early."""
    found: list[Event] = []
    for account in ("file:a", "file:b"):
        for number in range(7):
            post, at_ms = f"p{number}", NOW_MS - (8 - number) * HOUR
            found.append(published(account, post, at_ms))
            found += [
                event(id=f"{post} {n}", account=account, actor=f"x{n}", object=post, at_ms=at_ms + n * MINUTE)
                for n in range(number)
            ]
            found.append(event(id=f"{post} s", kind="share", account=account, object=post, at_ms=at_ms))
            if number:
                found.append(told(account, post, NOW_MS - 30 * MINUTE, reach=100 + number, impressions=500))
                found.append(told(account, post, NOW_MS - 50 * MINUTE, reach=9000))
                found.append(told(account, post, NOW_MS + 5 * MINUTE, reach=200 + number))
    return found


async def entry_told(broker: Broker, kpi: str) -> tuple[int, Event, Event]:
    """The newest snapshot of file:a, its partition, and the entry of a KPI for 24 h in it."""
    newest = [record for record in await broker.everything(DEEP) if record.key == b"file:a"][-1]
    snapshot = json.loads(newest.value or b"")
    (entry,) = (e for e in snapshot["kpis"] if (e["kpi"], e["window"], e["part"]) == (kpi, "24h", None))
    return newest.partition, snapshot, entry


def test_what_is_right_differs_in_nothing_after_a_restart_too(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        broker.publish(*records(load()))
        await counted(settings)
        _, _, entry = await entry_told(broker, "engagement_rate_by_reach")
        assert (entry["numerator"], entry["denominator"]) == (27, 621)
        report = await audited(settings, at_ms=NOW_MS + 2 * MINUTE)
        assert (report.differences, report.unchecked) == ([], {})
        async with Counting(settings, clock_ms=NOW_MS + 6 * MINUTE) as worker:
            for _ in range(2):
                await worker.tick(31_000)
        _, _, entry = await entry_told(broker, "engagement_rate_by_reach")
        assert (entry["numerator"], entry["denominator"]) == (27, 1221)
        report = await audited(settings, at_ms=NOW_MS + 8 * MINUTE)
        assert (report.differences, report.unchecked) == ([], {})

    run(scene())


def test_a_reach_in_the_state_that_is_wrong_is_found_and_a_rebuild_mends_it(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        broker.publish(*records([*load(), published("file:a", "q", NOW_MS - HOUR)]))
        await counted(settings)
        right = await rows_of_insights(settings)

        def other(row: bytes) -> bytes:
            """All reach is 7."""
            tables = msgspec.msgpack.decode(row)
            tables[0][3] = (7).to_bytes(8, "little") * (len(tables[0][3]) // 8)
            return msgspec.msgpack.encode(tables)

        await change_state(settings, b"i/file:a", other)
        report = await audited(settings, at_ms=NOW_MS + 2 * MINUTE)
        found = sorted((d.figure, d.account, d.live, d.recomputed) for d in report.differences)
        assert found == [("reach of a post", "file:a", 7, 100 + number) for number in range(1, 7)]
        newest = b'"p6 %d", "source": "file", "account": "file:a"' % (NOW_MS + 5 * MINUTE)
        partition, offset = await offset_of(settings, "audience", newest)
        assert f"audience/{partition}@{offset}" in {d.where for d in report.differences}
        await rebuilt(settings)
        assert await rows_of_insights(settings) == right
        assert (await audited(settings, at_ms=NOW_MS + 2 * MINUTE)).differences == []

    run(scene())


async def rows_of_insights(settings: Any) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}

    def note(row: bytes) -> None:
        found[b"%d" % len(found)] = row

    for key in (b"i/file:a", b"i/file:b"):
        await change_state(settings, key, note)
    return found


def test_a_rate_that_people_see_and_is_wrong_is_found(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        broker.publish(*records(load()))
        await counted(settings)
        partition, snapshot, entry = await entry_told(broker, "virality")
        entry["denominator"] += 1
        broker.publish(Outgoing(DEEP, b"file:a", json.dumps(snapshot).encode(), partition=partition))
        report = await audited(settings, at_ms=NOW_MS + 2 * MINUTE)
        assert [(d.figure, d.window, d.live, d.recomputed) for d in report.differences] == [
            ("virality denominator", "24h", 3001, 3000)
        ]

    run(scene())


def test_what_the_state_had_no_room_for_is_not_compared(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        broker.publish(*records(load()))
        await counted(settings)

        def cut(row: bytes) -> bytes:
            """As if there had been no room for what was told before half an hour ago."""
            tables = msgspec.msgpack.decode(row)
            return msgspec.msgpack.encode([[NOW_MS - 30 * MINUTE, b"", b"", b""], tables[1]])

        await change_state(settings, b"i/file:a", cut)
        report = await audited(settings, at_ms=NOW_MS + 2 * MINUTE)
        assert report.differences == []
        why = "the state had no room for all that was told of posts"
        assert report.unchecked == {
            ("state", "28d reach", why): 1,
            **{("kpis", f"{window} reach", why): 1 for window in ("1h", "24h", "7d", "28d")},
        }

    run(scene())


def test_kpis_from_snapshots_that_the_log_no_longer_holds_are_not_compared(tmp_path: Path) -> None:
    """Retention has taken what was told yesterday; the state still holds it. What needs it is left out."""
    broker = Broker(f"sqlite:///{tmp_path}/log.db", "")
    yesterday = NOW_MS - 20 * HOUR
    post = published("file:a", "p", yesterday)
    like = event(id="l", account="file:a", actor="ann", object="p", at_ms=NOW_MS - HOUR)

    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        publisher = SqlitePublisher(broker.url, clock=lambda: yesterday)
        publisher.publish(records([told("file:a", "p", yesterday, reach=50, impressions=90)]))
        publisher.close()
        broker.publish(*records([post, like, published("file:a", "q", NOW_MS - HOUR)]))
        await counted(settings)
        log = SqliteLog(path_of(broker.url))
        for partition, end in log.end_offsets("audience").items():
            log.remove_before("audience", partition, NOW_MS - 2 * HOUR, end)
        log.close()
        _, _, entry = await entry_told(broker, "engagement_rate_by_reach")
        assert (entry["numerator"], entry["denominator"]) == (1, 50)
        report = await audited(settings, at_ms=NOW_MS + 2 * MINUTE)
        assert report.differences == []

    run(scene())
