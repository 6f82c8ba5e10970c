"""What is live against the log: equal when nothing is wrong, and the one figure that is, found."""

import asyncio
import json
import random
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest
from tests.brokers import Broker
from tests.counting import ACCOUNTS, Counting, audited, entries_told, records, settings_on, told_of
from tests.engines import NOW_MS, event
from tests.stores import heartbeat

from resonanz_streams.errors import StopError
from resonanz_streams.topics import DEEP as DEEP_TOPIC
from resonanz_streams.topics import KPIS
from resonanz_streams.transports.brokers import open_archive, open_store
from resonanz_streams.transports.ports import Flush, Outgoing

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ROW_WEIGHTS = 5
STATE = 6 * 7 * 6
"""Figures of six accounts, in each window: likes, comments, shares, posts, what was removed, followers."""

TICKED, DEEP = 85, 33
"""Entries of an account that are told with every tick, and of all that stands, at least."""

Event = dict[str, Any]


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def load(seed: int, count: int, *, newest_ms: int = NOW_MS) -> list[Event]:
    """Additions, removals, repetitions of all ages, and some of the next minutes; some followers."""
    rng = random.Random(seed)
    found: list[Event] = []
    for _ in range(count):
        # Some at the same moment: a removal then comes after an addition.
        age = rng.choice((rng.randrange(MINUTE), rng.randrange(DAY), rng.randrange(40 * DAY), 2 * MINUTE))
        one = event(
            id=str(rng.randrange(count // 2)),
            account=rng.choice(ACCOUNTS),
            kind=rng.choice(("like", "comment", "share")),
            op=rng.choice(("add", "add", "remove")),
            at_ms=newest_ms - age,
        )
        found.append(one | ({"actor": f"p{rng.randrange(30)}", "object": "o"} if rng.random() < 0.3 else {}))
    found += [
        followers(rng.choice(ACCOUNTS), newest_ms - rng.randrange(30 * DAY)) for _ in range(count // 20)
    ]
    return found + rng.choices(found, k=count // 5)


def followers(account: str, at_ms: int) -> Event:
    people = at_ms % 999
    return {
        "v": 1,
        "id": f"{at_ms}",
        "source": "file",
        "account": account,
        "at_ms": at_ms,
        "followers": people,
    }


async def counted(settings: Any, *, ticks: int = 2) -> None:
    async with Counting(settings) as worker:
        await worker.read()
        for _ in range(ticks):
            await worker.tick(31_000)


def test_what_is_right_differs_in_nothing(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        broker.publish(*records(load(1, 600)))
        async with Counting(settings) as worker:
            await worker.read("likes", "shares")
            await worker.tick()
            broker.publish(*records(load(2, 600, newest_ms=NOW_MS + 3 * MINUTE)))
            await worker.read()
            await worker.tick(5 * MINUTE)
            # The state is ahead of the snapshots; more is read and not written, or not even read.
            broker.publish(*records(load(3, 100)))
            await worker.read("likes")
            for partition in range(3):
                await worker.pipeline.flush(partition)
            await worker.read("comments")
        report = await audited(settings, at_ms=NOW_MS + HOUR)
        assert (len(report.accounts), report.differences, report.unchecked) == (6, [], {})
        told = await entries_told(settings)
        assert told >= 6 * (TICKED + DEEP)
        assert report.figures == STATE + told
        assert report.summary() == f"6 accounts, 7 windows, {report.figures:,} figures compared, 0 differ."

    run(scene())


def test_by_the_event_clock_now_is_what_the_state_had_reached(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker, clock="event")
        past = NOW_MS - 1_000 * DAY
        broker.publish(*records(load(1, 600, newest_ms=past)))
        async with Counting(settings) as worker:
            await worker.read()
            await worker.tick()
            broker.publish(*records(load(2, 600, newest_ms=past + DAY)))
            await worker.read("likes", "comments")
            await worker.tick()
        report = await audited(settings)
        told = await entries_told(settings)
        assert told >= 6 * (TICKED + DEEP)
        assert (report.figures, report.differences, report.unchecked) == (STATE + told, [], {})

    run(scene())


def test_what_is_suspect_excluded_and_weighted_is_recomputed(broker: Broker) -> None:
    """A burst, flags, an exclusion and weights; and an authentic figure that is missing is found."""

    async def scene() -> None:
        broker.create_topics()
        exclusion = {"account": "file:a", "flags": ["raffle"], "reason": "a raffle"}
        client = {"name": "Fleet", "accounts": list(ACCOUNTS), "weights": {"like": 0.5}}
        settings = settings_on(broker, clients={"fleet": client | {"exclusions": [exclusion]}})
        begun = NOW_MS - HOUR
        burst = [event(id=f"b{n}", actor="x", object=f"p{n}", at_ms=begun + n * 1000) for n in range(25)]
        others = [
            event(id=f"o{n}", actor=f"o{n}", object="p", flags=flags)
            for n, flags in enumerate((["raffle"], ["bot"], ["raffle", "spam"], [], []))
        ]
        broker.publish(*records(load(1, 300) + burst + others))
        async with Counting(settings) as worker:
            await worker.read()
            for _ in range(2):
                await worker.tick(31_000)
        report = await audited(settings, at_ms=NOW_MS + HOUR)
        assert (report.differences, report.unchecked) == ([], {})
        whole, told = [await told_of(settings, "file:a", topic) for topic in (KPIS, DEEP_TOPIC)]
        both = {(e.kpi, e.window, e.part): e.value or 0 for e in (*whole.kpis, *told.kpis)}
        left_out = both["interactions", "24h", None], both["interactions", "24h", "authentic"]
        assert left_out[0] - left_out[1] == 28

        told.kpis = [e for e in told.kpis if (e.kpi, e.window, e.part) != ("applause", "7d", "authentic")]
        partition = worker.registry.accounts["file:a"].partition
        broker.publish(Outgoing(DEEP_TOPIC, b"file:a", msgspec.json.encode(told), partition=partition))
        (found,) = (await audited(settings, at_ms=NOW_MS + HOUR)).differences
        assert (found.account, found.window, found.figure) == ("file:a", "7d", "applause authentic")
        assert found.live == "missing"

    run(scene())


def test_what_trends_is_recomputed_with_the_days_that_the_snapshot_names(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        client = {"name": "Fleet", "accounts": list(ACCOUNTS), "topics": {"rye": []}}
        settings = settings_on(broker, clients={"fleet": client})
        ages = [HOUR] * 9 + [day * DAY + HOUR for day in range(1, 28)]
        talk = [
            event(id=str(number), kind="comment", actor=f"p{number % 4}", topics=["rye"], at_ms=NOW_MS - age)
            for number, age in enumerate(ages)
        ]
        broker.publish(*records(talk))
        async with Counting(settings) as worker:
            gaps = [(NOW_MS - 5 * DAY, NOW_MS - 3 * DAY)]
            worker.pipeline.observe(heartbeat(gaps=gaps, since_ms=NOW_MS - 20 * DAY))
            await worker.read()
            await worker.tick()
            await worker.tick(31_000)
        report = await audited(settings, account="file:a", at_ms=NOW_MS + MINUTE)
        assert (report.differences, report.unchecked) == ([], {})
        told = await told_of(settings, "file:a", DEEP_TOPIC)
        assert told.days
        watched = [day for day in range(1, 28) if told.days["24h"] >> (day - 1) & 1]
        assert watched == [1, 2, *range(5, 20)]
        found = {
            entry.part: (entry.numerator, entry.denominator)
            for entry in told.kpis
            if (entry.kpi, entry.window) == ("trending", "24h")
        }
        whole = (9.0, 2.5 / 2)
        assert found == {None: whole, "topic:rye": whole, "days": (17.0, 27.0)}

    run(scene())


async def change_state(settings: Any, key: bytes, change: Any, *, as_key: bytes | None = None) -> None:
    """Somebody writes another row, past the worker, with a checksum that is right."""
    store = open_store(settings.broker, prefix=settings.topic_prefix, group=settings.group)
    try:
        for partition in range(settings.partitions):
            recovered = await store.recover(partition)
            if key in recovered.rows and (row := change(recovered.rows[key])) is not None:
                await store.flush(partition, Flush(rows={as_key or key: row}, offsets={}))
    finally:
        await store.close()


def test_a_single_count_that_is_wrong_is_found_with_its_record(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        likes = [event(id=f"{n}", account="file:a", at_ms=NOW_MS - 2 * HOUR - n) for n in range(40)]
        broker.publish(*records([*likes, event(id="x", account="file:b")]))
        await counted(settings)

        def one_more(row: bytes) -> bytes | None:
            """In the row of file:a the weight of the key whose addition is that of event 17 becomes 2."""
            parts = msgspec.msgpack.decode(row)
            times = [int.from_bytes(parts[3][i : i + 8], "little") for i in range(0, len(parts[3]), 8)]
            if "file:a" not in parts[1] or NOW_MS - 2 * HOUR - 17 not in times:
                return None
            weights = bytearray(parts[ROW_WEIGHTS])
            weights[4 * times.index(NOW_MS - 2 * HOUR - 17)] = 2
            parts[ROW_WEIGHTS] = bytes(weights)
            return msgspec.msgpack.encode(parts)

        await change_state(settings, b"l/0", one_more)
        report = await audited(settings, at_ms=NOW_MS + MINUTE)
        found = [(d.account, d.source, d.window, d.figure, d.live, d.recomputed) for d in report.differences]
        assert found == [("file:a", "state", window, "like", 41, 40) for window in ("24h", "7d", "28d")]
        offset = await offset_of(settings, "likes", b'"id": "17"')
        assert {d.where for d in report.differences} == {f"likes/{offset[0]}@{offset[1]}"}
        assert report.differ == 3
        assert (await audited(settings, at_ms=NOW_MS + MINUTE, account="file:b")).differences == []

    run(scene())


async def offset_of(settings: Any, topic: str, part: bytes) -> tuple[int, int]:
    """Partition and offset of the record that holds ``part``."""
    archive = open_archive(settings.broker, prefix=settings.topic_prefix, group=settings.group)
    try:
        for partition, end in (await archive.ends(topic)).items():
            async for batch in archive.records(topic, partition, 0, end):
                for record in batch:
                    if part in (record.value or b""):
                        return partition, record.offset
    finally:
        await archive.close()
    raise AssertionError(part)


def test_an_entry_that_is_missing_is_found(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        broker.publish(
            *records([event(id=f"{n}", account="file:a", kind="comment", at_ms=NOW_MS - n) for n in range(5)])
        )
        await counted(settings)

        def one_less(row: bytes) -> bytes:
            parts = msgspec.msgpack.decode(row)
            size = {2: 8, 3: 8, 4: 8, 5: 4, 6: 4, 7: 1, 8: 40}
            return msgspec.msgpack.encode([p[size[i] :] if i in size else p for i, p in enumerate(parts)])

        await change_state(settings, b"l/0", one_less)
        report = await audited(settings, at_ms=NOW_MS + 20_000)
        assert [(d.window, d.figure, d.live, d.recomputed) for d in report.differences] == [
            (window, "comment", 4, 5) for window in ("1m", "5m", "15m", "1h", "24h", "7d", "28d")
        ]
        assert {d.where[:9] for d in report.differences} == {"comments/"}

    run(scene())


def test_a_snapshot_that_is_not_what_the_log_says_is_found(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        broker.publish(*records(load(4, 300)))
        await counted(settings)
        snapshot = next(
            json.loads(r.value or b"") for r in reversed(await broker.everything(KPIS)) if r.key == b"file:c"
        )
        entry = next(
            e for e in snapshot["kpis"] if (e["kpi"], e["window"], e["part"]) == ("velocity", "7d", None)
        )
        right, entry["value"] = entry["value"], entry["value"] + 0.001
        value = json.dumps(snapshot).encode()
        partition = (await offset_of(settings, KPIS, b'"file:c"'))[0]
        broker.publish(Outgoing(KPIS, b"file:c", value, partition=partition))
        report = await audited(settings, at_ms=NOW_MS + MINUTE)
        (found,) = report.differences
        assert (found.account, found.source, found.window, found.figure) == (
            "file:c",
            "kpis",
            "7d",
            "velocity",
        )
        assert (found.live, found.recomputed) == (entry["value"], right)
        assert found.where.startswith(f"kpis/{partition}@")

    run(scene())


def test_followers_that_are_wrong_are_found(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker)
        broker.publish(*records([followers("file:a", NOW_MS - DAY), event(account="file:a")]))
        await counted(settings, ticks=1)
        await change_state(settings, b"a/file:a", lambda row: row[:8] + (7).to_bytes(8, "little"))
        report = await audited(settings, at_ms=NOW_MS + MINUTE)
        found = [(d.figure, d.window, d.live) for d in report.differences]
        assert found == [("followers", w, 7.0) for w in ("1m", "5m", "15m", "1h", "24h", "7d", "28d")]
        assert {d.where.partition("@")[0] for d in report.differences} == {
            f"audience/{report.differences[0].partition}"
        }

    run(scene())


def test_lines_that_were_refused_when_they_were_read_count_neither_here_nor_there(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        early = settings_on(broker, "file:a")
        ahead = event(id="9", account="file:a", at_ms=NOW_MS + 20 * MINUTE)
        broker.publish(*records([event(account="file:a"), event(account="file:b"), ahead]))
        await counted(early)
        # By now the account is configured, and the time that was out of range has come.
        settings = settings_on(broker)
        broker.publish(*records([event(id="2", account="file:b")]))
        async with Counting(settings, clock_ms=NOW_MS + HOUR) as worker:
            await worker.read()
            await worker.tick()
        report = await audited(settings, at_ms=NOW_MS + HOUR)
        assert (report.differences, report.refused) == ([], 2)
        # Another group counts from the log, today: there they are part of it.
        other = settings_on(broker, group="other")
        async with Counting(other, clock_ms=NOW_MS + HOUR) as worker:
            await worker.read()
            await worker.tick()
        report = await audited(other, at_ms=NOW_MS + HOUR)
        assert (report.differences, report.refused) == ([], 2)

    run(scene())


def test_windows_longer_than_the_horizon_are_not_called_right(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        settings = settings_on(broker, "file:a", horizon="2d")
        broker.publish(*records([event(account="file:a")]))
        await counted(settings)
        report = await audited(settings, at_ms=NOW_MS + MINUTE)
        assert report.differences == []
        assert {(source, window) for source, window, _ in report.unchecked} == {
            (source, window) for source in ("state", "kpis") for window in ("7d", "28d")
        } | {("kpis", f"{window} of what stands") for window in ("1h", "24h", "7d", "28d")}
        assert all("horizon" in reason for *_, reason in report.unchecked)

    run(scene())


def test_without_state_there_is_nothing_to_audit(broker: Broker) -> None:
    async def scene() -> None:
        broker.create_topics()
        with pytest.raises(StopError, match="group g has counted nothing yet"):
            await audited(settings_on(broker))
        with pytest.raises(
            StopError, match="likes has 3 partitions, the configuration says 5; write partitions: 3"
        ):
            await audited(settings_on(broker, partitions=5))

    run(scene())
