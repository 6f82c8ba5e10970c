"""Publisher, tail and topics: the same promises on the embedded log and on Apache Kafka."""

import asyncio
import threading

import pytest
from tests.brokers import Broker

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.errors import StopError
from resonanz_streams.topics import TOPICS, TopicSpec, partition_of_key
from resonanz_streams.transports.brokers import open_admin, open_tail
from resonanz_streams.transports.ports import Outgoing, Record, Tail


@pytest.fixture
def place(broker: Broker) -> Broker:
    broker.create_topics()
    return broker


async def some(tail: Tail, count: int) -> list[Record]:
    """Poll until ``count`` records have come."""
    found: list[Record] = []
    while len(found) < count:
        found.extend(await tail.poll(1.0))
    return found


# -- publisher ---------------------------------------------------------------------------------------


def test_what_was_published_is_there_after_the_flush(place: Broker) -> None:
    publisher = open_publisher(place.url, prefix=place.prefix)
    keys = [b"file:a%d" % number for number in range(12)]
    publisher.publish(
        [Outgoing("kpis", key, b"1", headers=[("h", b"x")]) for key in keys]
        + [Outgoing("kpis", b"other", b"2", partition=1)]
    )
    ends = publisher.flush()
    expected = dict.fromkeys(range(3), 0)
    for key in keys:
        expected[partition_of_key(key, 3)] += 1
    expected[1] += 1
    assert ends == {("kpis", partition): end for partition, end in expected.items()}
    assert place.ends("kpis") == expected
    found = asyncio.run(place.everything("kpis"))
    assert {(r.key, r.value, tuple(r.headers)) for r in found} == {
        *((key, b"1", (("h", b"x"),)) for key in keys),
        (b"other", b"2", ()),
    }
    publisher.publish([Outgoing("kpis", b"other", b"3", partition=1)])
    assert publisher.flush()["kpis", 1] == expected[1] + 1
    publisher.close()


def test_a_flush_of_nothing_is_quick_and_empty(place: Broker) -> None:
    publisher = open_publisher(place.url, prefix=place.prefix)
    assert publisher.flush() == {}
    publisher.publish([])
    assert publisher.flush() == {}
    publisher.close()


def test_closing_writes_what_is_queued(place: Broker) -> None:
    publisher = open_publisher(place.url, prefix=place.prefix)
    publisher.publish([Outgoing("likes", b"file:a", b"1")])
    publisher.close()
    assert [r.value for r in asyncio.run(place.everything("likes"))] == [b"1"]


def test_a_record_without_a_value_is_written_as_such(place: Broker) -> None:
    place.publish(Outgoing("kpis", b"file:a", b"1"), Outgoing("kpis", b"file:a", None))
    assert asyncio.run(place.everything("kpis"))[-1].value is None


def test_threads_share_a_publisher_and_each_keeps_its_order(place: Broker) -> None:
    publisher = open_publisher(place.url, prefix=place.prefix)

    def publish(name: str) -> None:
        for start in range(0, 600, 20):
            numbers = range(start, start + 20)
            publisher.publish([Outgoing("likes", name.encode(), f"{name} {n}".encode()) for n in numbers])
            publisher.flush()

    threads = [threading.Thread(target=publish, args=(f"file:a{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    publisher.close()
    found = asyncio.run(place.everything("likes"))
    lines = [line.decode().split() for r in found for line in (r.value or b"").split(b"\n")]
    for name in ("file:a0", "file:a1", "file:a2", "file:a3"):
        assert [int(number) for account, number in lines if account == name] == list(range(600))


def test_a_topic_that_is_missing_stops_with_the_command_that_makes_it(broker: Broker) -> None:
    assert broker.ends("likes") == {}
    with pytest.raises(StopError, match="resonanz topics --create"):
        broker.publish(Outgoing("likes", b"file:a", b"1"))


# -- tail --------------------------------------------------------------------------------------------


def test_a_tail_reads_from_the_beginning_and_follows(place: Broker) -> None:
    place.publish(*[Outgoing("kpis", b"file:a%d" % n, b"old") for n in range(10)])

    async def main() -> None:
        tail = open_tail(place.url, ["kpis", "late"], prefix=place.prefix)
        found: list[Record] = []
        while not tail.caught_up():
            found.extend(await tail.poll(1.0))
        assert sorted(r.key or b"" for r in found) == [b"file:a%d" % n for n in range(10)]
        assert await tail.poll(0.05) == [] or await tail.poll(0.05) == ()
        new = [Outgoing("late", b"file:a", b"late"), Outgoing("kpis", b"file:a1", b"new")]
        await asyncio.to_thread(place.publish, *new)
        assert {(r.topic, r.value) for r in await some(tail, 2)} == {("late", b"late"), ("kpis", b"new")}
        await tail.close()

    asyncio.run(main())


def test_records_of_a_partition_come_in_offset_order(place: Broker) -> None:
    place.publish(*[Outgoing("dead-letters", b"file:a", b"%d" % n) for n in range(3_000)])
    found = asyncio.run(place.everything("dead-letters"))
    assert [r.offset for r in found] == list(range(3_000))
    assert [r.value for r in found] == [b"%d" % n for n in range(3_000)]


def test_a_tail_of_empty_topics_has_caught_up_once_it_has_looked(place: Broker) -> None:
    async def main() -> None:
        tail = open_tail(place.url, ["connectors.status"], prefix=place.prefix)
        while not tail.caught_up():
            assert not await tail.poll(0.2)
        await tail.close()

    asyncio.run(main())


def test_a_topic_made_later_is_read_from_then_on(broker: Broker) -> None:
    assert broker.ends("late") == {}

    async def main() -> None:
        tail = open_tail(broker.url, ["late"], prefix=broker.prefix)
        assert not await tail.poll(0.01)
        assert tail.caught_up()
        await asyncio.to_thread(broker.create_topics)
        await asyncio.to_thread(broker.publish, Outgoing("late", b"file:a", b"1"))
        assert [r.value for r in await some(tail, 1)] == [b"1"]
        await tail.close()

    asyncio.run(main())


def test_a_poll_that_is_cancelled_takes_nothing_away(place: Broker) -> None:
    async def main() -> None:
        tail = open_tail(place.url, ["late"], prefix=place.prefix)
        while not tail.caught_up():
            await tail.poll(0.1)
        for number in range(5):
            polling = asyncio.create_task(tail.poll(10.0))
            await asyncio.wait({polling}, timeout=0.05)
            publishing = asyncio.to_thread(place.publish, Outgoing("late", b"file:a", b"%d" % number))
            await asyncio.gather(publishing)
            polling.cancel()
            found = await asyncio.gather(polling, return_exceptions=True)
            got = found[0] if not isinstance(found[0], BaseException) else await some(tail, 1)
            assert [r.value for r in got] == [b"%d" % number]
        await tail.close()

    asyncio.run(main())


# -- topics ------------------------------------------------------------------------------------------


def test_topics_are_missing_then_made_then_right(broker: Broker) -> None:
    admin = open_admin(broker.url, prefix=broker.prefix)
    specs = tuple(TOPICS.values())
    missing = admin.check(specs, 3)
    assert len(missing) == len(specs)
    assert missing[0] == f"topic {broker.prefix}likes does not exist; make it with: resonanz topics --create"
    assert admin.end_offsets("likes") == {}
    assert admin.ensure(specs, 3) == []
    assert admin.ensure(specs, 3) == []
    assert admin.check(specs, 3) == []
    assert admin.end_offsets("likes") == {0: 0, 1: 0, 2: 0}
    assert admin.end_offsets("connectors.status") == {0: 0}
    admin.close()


def test_other_partitions_and_cleanup_are_complained_about(place: Broker) -> None:
    admin = open_admin(place.url, prefix=place.prefix)
    (wrong,) = admin.ensure([TOPICS["likes"]], 5)
    assert wrong.startswith(
        f"topic {place.prefix}likes has 3 partitions, the configuration says 5; write partitions: 3"
    )
    (wrong,) = admin.check([TopicSpec("likes", "compact")], 3)
    assert "it must be compact" in wrong
    admin.close()


def test_several_processes_may_make_topics_at_once(broker: Broker) -> None:
    assert broker.ends("late") == {}
    problems: list[object] = []

    def make() -> None:
        admin = open_admin(broker.url, prefix=broker.prefix)
        problems.append(list(admin.ensure(tuple(TOPICS.values()), 3)))
        admin.close()

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == [[], [], [], []]
