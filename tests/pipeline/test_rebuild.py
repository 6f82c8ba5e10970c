"""The state thrown away and counted anew: right again, at once or not at all, never beside a worker."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest
from tests.brokers import Broker
from tests.counting import Counting, audited, entries_told, records, settings_on
from tests.engines import NOW_MS, event
from tests.pipeline.test_audit import DAY, HOUR, MINUTE, STATE, change_state, counted, load

from resonanz_streams.errors import FencedError, StopError
from resonanz_streams.net_states import NEVER
from resonanz_streams.rebuild import Rebuilt, rebuild
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import Settings
from resonanz_streams.state_head import Head
from resonanz_streams.topics import DEAD_LETTERS, LATE
from resonanz_streams.transports.brokers import open_archive, open_store
from resonanz_streams.transports.ports import Flush


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


async def rebuilt(settings: Settings, *, at_ms: int = NOW_MS + MINUTE, accept_loss: bool = False) -> Rebuilt:
    registry = build_registry(settings)
    return await rebuild(settings, registry, accept_loss=accept_loss, clock=lambda: at_ms)


async def rows_of(settings: Settings) -> list[dict[bytes, bytes]]:
    """The stored state of every partition."""
    archive = open_archive(settings.broker, prefix=settings.topic_prefix, group=settings.group)
    try:
        return [dict(await archive.state(partition)) for partition in range(settings.partitions)]
    finally:
        await archive.close()


def doubled(row: bytes) -> bytes:
    """All weights of a ledger row are 2."""
    parts = msgspec.msgpack.decode(row)
    parts[5] = (2).to_bytes(4, "little") * (len(parts[5]) // 4)
    return msgspec.msgpack.encode(parts)


def test_a_state_that_is_wrong_is_right_again_and_a_worker_goes_on(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        broker.publish(*records([*load(1, 600), event(account="file:nobody", id="n")]))
        await counted(settings)
        await change_state(settings, b"l/0", doubled, as_key=b"l/77")
        assert (await audited(settings, at_ms=NOW_MS + MINUTE)).differ > 0
        before = {topic: dict(broker.ends(topic)) for topic in (DEAD_LETTERS, LATE)}
        # What came after the state had ended is the next worker's.
        broker.publish(*records(load(2, 200)))

        done = await rebuilt(settings)
        assert (done.partitions, done.windows) == (3, [])
        assert {topic: dict(broker.ends(topic)) for topic in (DEAD_LETTERS, LATE)} == before
        report = await audited(settings, at_ms=NOW_MS + MINUTE)
        assert [d for d in report.differences if d.source == "state"] == []

        async with Counting(settings, clock_ms=NOW_MS + MINUTE) as worker:
            await worker.read()
            await worker.tick(31_000)
        report = await audited(settings, at_ms=NOW_MS + 2 * MINUTE)
        figures = STATE + await entries_told(settings)
        assert (report.figures, report.differences, report.unchecked) == (figures, [], {})

    run(scene())


def test_by_the_event_clock_it_stands_where_it_stood(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker, clock="event")
        past = NOW_MS - 1_000 * DAY
        broker.publish(*records(load(1, 600, newest_ms=past)))
        await counted(settings, ticks=1)
        broker.publish(*records(load(2, 300, newest_ms=past + DAY)))
        async with Counting(settings) as worker:
            await worker.read("likes")
            await worker.tick()
        await change_state(settings, b"l/0", doubled)
        await rebuilt(settings)
        report = await audited(settings)
        assert report.figures == STATE + await entries_told(settings)
        assert [d for d in report.differences if d.source == "state"] == []
        async with Counting(settings) as worker:
            await worker.read()
            await worker.tick()
        report = await audited(settings)
        figures = STATE + await entries_told(settings)
        assert (report.figures, report.differences, report.unchecked) == (figures, [], {})

    run(scene())


def test_a_state_that_cannot_be_read_is_counted_anew(broker: Broker) -> None:
    """No row of it can: not what it holds, not where it had ended but for the offsets beside it."""

    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        broker.publish(*records(load(1, 300)))
        await counted(settings)
        for key in (b"m", b"l/0"):
            await change_state(settings, key, lambda _row: b"nonsense")
        with pytest.raises(StopError, match="resonanz rebuild"):
            async with Counting(settings):
                pass
        await rebuilt(settings)
        async with Counting(settings, clock_ms=NOW_MS + MINUTE) as worker:
            await worker.read()
            await worker.tick(31_000)
        assert (await audited(settings, at_ms=NOW_MS + 2 * MINUTE)).differences == []

    run(scene())


def test_offsets_that_somebody_moved_are_put_back(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        broker.publish(*records(load(1, 300)))
        await counted(settings)
        store = open_store(settings.broker, prefix=settings.topic_prefix, group=settings.group)
        await store.recover(0)
        await store.flush(0, Flush(rows={}, offsets={"likes": 1_000_000}))
        await store.close()
        with pytest.raises(StopError, match="resonanz rebuild"):
            async with Counting(settings):
                pass
        await rebuilt(settings)
        broker.publish(*records(load(2, 300)))
        async with Counting(settings, clock_ms=NOW_MS + MINUTE) as worker:
            await worker.read()
            await worker.tick(31_000)
        report = await audited(settings, at_ms=NOW_MS + 2 * MINUTE)
        assert (report.figures, report.differences) == (STATE + await entries_told(settings), [])

    run(scene())


def test_beside_a_worker_it_is_refused(tmp_path: Any) -> None:
    broker = Broker(f"sqlite:///{tmp_path}/log.db", "")

    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        async with Counting(settings):
            with pytest.raises(StopError, match="group g has 1 running worker; stop all of them first"):
                await rebuilt(settings)

    run(scene())


def test_a_worker_that_starts_meanwhile_ends_it_and_nothing_is_changed(kafka: Broker) -> None:
    async def scene() -> None:
        kafka.create_topics()
        settings = settings_on(kafka)
        kafka.publish(*records(load(1, 60)))
        await counted(settings)
        before = await rows_of(settings)
        other = open_store(settings.broker, prefix=settings.topic_prefix, group=settings.group)
        loop = asyncio.get_running_loop()
        started: list[asyncio.Task[Any]] = []

        def starts(_done: int, _whole: int) -> None:
            if not started:
                started.extend(loop.create_task(other.recover(partition)) for partition in range(3))

        with pytest.raises(FencedError):
            await rebuild(settings, build_registry(settings), clock=lambda: NOW_MS, progress=starts)
        await asyncio.gather(*started)
        await other.close()
        assert await rows_of(settings) == before

    run(scene())


def test_what_the_log_no_longer_holds_is_not_thrown_away_unasked(tmp_path: Any) -> None:
    """Retention has taken the oldest records; the windows still hold them."""
    broker = Broker(f"sqlite:///{tmp_path}/log.db", "")

    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        await seed_in_two_halves(broker, settings)
        report = await audited(settings, at_ms=NOW_MS + MINUTE)
        assert report.differences == []
        windows = {window for source, window, _ in report.unchecked if source == "state"}
        assert windows == {"24h", "7d", "28d"}
        with pytest.raises(StopError, match="topic likes no longer holds what came before") as refused:
            await rebuilt(settings)
        assert "24h, 7d, 28d would lose it" in str(refused.value)
        assert (await rebuilt(settings, accept_loss=True)).windows == ["24h", "7d", "28d"]
        # What is lost is not covered from now on, and not called right.
        report = await audited(settings, at_ms=NOW_MS + MINUTE)
        assert [d for d in report.differences if d.source == "state"] == []
        heads = [msgspec.msgpack.decode(rows[b"m"], type=Head) for rows in await rows_of(settings) if rows]
        assert [head.cut_ms > NEVER for head in heads] == [head.offsets["likes"] > 0 for head in heads]

    run(scene())


async def seed_in_two_halves(broker: Broker, settings: Settings) -> None:
    """Likes of yesterday, written yesterday and gone; likes of an hour ago, still there."""
    from resonanz_connectors.publisher import SqlitePublisher
    from resonanz_streams.transports.sqlite_log import SqliteLog
    from resonanz_streams.transports.sqlite_schema import path_of

    for at_ms, name in ((NOW_MS - 20 * HOUR, "old"), (NOW_MS - HOUR, "new")):
        publisher = SqlitePublisher(broker.url, clock=lambda at_ms=at_ms: at_ms)  # type: ignore[misc]
        publisher.publish(
            records(
                [
                    event(id=f"{name}{n}", account=f"file:{(n % 2 and 'a') or 'b'}", at_ms=at_ms)
                    for n in range(18)
                ]
            )
        )
        publisher.close()
    await counted(settings)
    log = SqliteLog(path_of(broker.url))
    for partition, end in log.end_offsets("likes").items():
        log.remove_before("likes", partition, NOW_MS - 2 * HOUR, end)
    log.close()


def test_other_partitions_than_the_topics_have_are_refused_as_a_worker_refuses_them(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        broker.publish(*records(load(1, 60)))
        await counted(settings)
        before = await rows_of(settings)
        for partitions in (2, 5):
            with pytest.raises(StopError) as refused:
                await rebuilt(settings_on(broker, partitions=partitions))
            assert (
                f"topic {broker.prefix}likes has 3 partitions, the configuration says {partitions}; "
                "write partitions: 3"
            ) in str(refused.value)
        assert await rows_of(settings) == before

    run(scene())


def test_a_database_that_is_not_there_is_not_made(tmp_path: Any) -> None:
    settings = settings_on(Broker(f"sqlite:///{tmp_path}/none.db", ""))
    with pytest.raises(StopError, match=r"none\.db: there is no such database; start a worker first"):
        asyncio.run(rebuilt(settings))
    assert list(tmp_path.iterdir()) == []


def test_without_a_state_there_is_nothing_to_do(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        with pytest.raises(StopError, match="group g has counted nothing yet"):
            await rebuilt(settings_on(broker))

    run(scene())


def test_killed_before_the_end_the_old_state_stands(broker: Broker) -> None:
    """Whatever ends it while it counts: nothing has been written by then."""

    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        broker.publish(*records(load(1, 90)))
        await counted(settings)
        before = await rows_of(settings)

        def ends(_done: int, _whole: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await rebuild(settings, build_registry(settings), clock=lambda: NOW_MS, progress=ends)
        assert await rows_of(settings) == before

    run(scene())
