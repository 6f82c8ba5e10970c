"""Publisher, tail, topics and state while Apache Kafka is away, and when it is back."""

import asyncio
import gc
from collections.abc import Iterator, Mapping

import pytest
from tests.brokers import Broker, corner_of
from tests.kafka_server import KafkaServer
from tests.processes import wait_until

from resonanz_connectors.kafka_publisher import KafkaPublisher
from resonanz_streams.errors import RetryError
from resonanz_streams.topics import TOPICS
from resonanz_streams.transports.brokers import open_admin, open_tail
from resonanz_streams.transports.ports import Flush, Outgoing, Record, Tail

AWAY = "Kafka does not answer at 127.0.0.1:"
# kafka-python leaves sockets to the collector while nobody answers.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """While their warning is let pass."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    """One for these tests, started again by each: it is down between them."""
    with KafkaServer() as server:
        yield server


@pytest.fixture
def place(kafka_server: KafkaServer, server: KafkaServer) -> Broker:
    del kafka_server  # says aloud that Kafka cannot be had
    server.start()
    broker = corner_of(server.url)
    broker.create_topics()
    return broker


def numbered(count: int, size: int = 10) -> list[Outgoing]:
    return [Outgoing("late", b"k", b"%d" % number + b" " * size) for number in range(count)]


def numbers(records: list[Record]) -> list[int]:
    return [int(record.value or b"") for record in records]


def patient_flush(publisher: KafkaPublisher) -> Mapping[tuple[str, int], int]:
    """The broker is back, its clients see it within a second or two."""

    def flushed() -> Mapping[tuple[str, int], int] | None:
        try:
            return publisher.flush()
        except RetryError:
            return None

    return wait_until(flushed, "the publisher has found the broker again")


def test_what_was_published_during_an_outage_is_written_once_in_order(
    place: Broker, server: KafkaServer
) -> None:
    publisher = KafkaPublisher(place.url, prefix=place.prefix, patience_seconds=1.0)
    publisher.publish(numbered(1))
    publisher.flush()
    server.kill()
    publisher.publish(numbered(500)[1:])
    with pytest.raises(RetryError, match=AWAY):
        publisher.flush()
    server.start()
    ends = patient_flush(publisher)
    publisher.close()
    found = asyncio.run(place.everything("late"))
    assert numbers(found) == list(range(500))
    assert ends == {("late", found[-1].partition): found[-1].offset + 1}


def test_a_full_queue_refuses_more_instead_of_filling_the_memory(place: Broker, server: KafkaServer) -> None:
    publisher = KafkaPublisher(place.url, prefix=place.prefix, buffer_bytes=20_000, patience_seconds=1.0)
    publisher.publish(numbered(1))
    publisher.flush()
    server.kill()
    with pytest.raises(RetryError, match=AWAY):
        publisher.publish(numbered(100, 1_000))
    server.start()
    patient_flush(publisher)
    publisher.publish(numbered(100, 1_000))  # five times what fits: it waits for room
    publisher.close()
    assert numbers(asyncio.run(place.everything("late")))[-100:] == list(range(100))


def test_a_publisher_without_a_broker_says_so_and_begins_when_it_comes(
    place: Broker, server: KafkaServer
) -> None:
    server.kill()
    publisher = KafkaPublisher(place.url, prefix=place.prefix, patience_seconds=1.0)
    for _ in range(2):
        with pytest.raises(RetryError, match=AWAY):
            publisher.publish(numbered(1))
    server.start()
    publisher.publish(numbered(1))
    assert sum(publisher.flush().values()) == 1
    publisher.close()


def test_closing_a_publisher_ends_although_nobody_answers(place: Broker, server: KafkaServer) -> None:
    publisher = KafkaPublisher(place.url, prefix=place.prefix, patience_seconds=1.0)
    publisher.publish(numbered(1))
    publisher.flush()
    server.kill()
    publisher.publish(numbered(5))
    with pytest.raises(RetryError, match=AWAY):
        publisher.close()
    publisher.close()


async def poll_until_it_refuses(tail: Tail) -> None:
    for _ in range(20):
        await tail.poll(1.0)


async def patiently(tail: Tail, count: int) -> list[Record]:
    found: list[Record] = []
    while len(found) < count:
        try:
            found.extend(await tail.poll(1.0))
        except RetryError:
            await asyncio.sleep(0.05)
    return found


def test_a_tail_goes_on_where_it_was(place: Broker, server: KafkaServer) -> None:
    place.publish(*numbered(10))

    async def main() -> None:
        tail = open_tail(place.url, ["late"], prefix=place.prefix)
        assert numbers(await patiently(tail, 10)) == list(range(10))
        await asyncio.to_thread(server.kill)
        with pytest.raises(RetryError, match=AWAY):
            await poll_until_it_refuses(tail)
        with pytest.raises(RetryError, match=AWAY):
            await tail.poll(1.0)
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(place.publish, *numbered(15)[10:])
        assert numbers(await patiently(tail, 5)) == list(range(10, 15))
        await tail.close()

    asyncio.run(main())


def test_topics_cannot_be_asked_for_and_then_can(place: Broker, server: KafkaServer) -> None:
    admin = open_admin(place.url, prefix=place.prefix)
    server.kill()
    with pytest.raises(RetryError, match=AWAY):
        admin.end_offsets("late")
    with pytest.raises(RetryError, match=AWAY):
        open_admin(place.url)
    server.start()
    assert admin.check(tuple(TOPICS.values()), 3) == []
    admin.close()


def test_a_flush_that_nobody_answers_is_neither_lost_nor_doubled(place: Broker, server: KafkaServer) -> None:
    async def main() -> None:
        store = place.store()
        await store.recover(0)
        await store.flush(0, Flush({b"a": b"1"}, {"likes": 0}, [Outgoing("kpis", b"x", b"1", partition=0)]))
        await asyncio.to_thread(server.kill)
        with pytest.raises(RetryError, match=AWAY):
            await store.flush(0, Flush({b"a": b"2"}, {"likes": 0}))
        with pytest.raises(RetryError, match=AWAY):
            await store.recover(0)
        await asyncio.to_thread(server.start)
        assert (await store.recover(0)).rows == {b"a": b"1"}
        await store.flush(0, Flush({b"a": b"2"}, {"likes": 0}, [Outgoing("kpis", b"x", b"2", partition=0)]))
        assert (await store.recover(0)).rows == {b"a": b"2"}
        await store.close()
        assert [record.value for record in await place.everything("kpis")] == [b"1", b"2"]

    asyncio.run(main())


def test_a_store_closes_although_nobody_answers(place: Broker, server: KafkaServer) -> None:
    async def main() -> None:
        store = place.store()
        await store.recover(0)
        await asyncio.to_thread(server.kill)
        await asyncio.wait_for(store.close(), 10)

    asyncio.run(main())


def test_a_broker_killed_right_after_a_commit_hides_nothing_for_ever(
    place: Broker, server: KafkaServer
) -> None:
    """It may come back with the markers of a committed transaction missing, in every second case."""
    place.publish(*[Outgoing("likes", b"k", b"1", partition=0)] * 5)

    async def main() -> None:
        store = place.store()
        try:
            for number in range(4):
                recovered = await store.recover(0)
                expected = ({b"a": b"%d" % (number - 1)}, {"likes": number}) if number else ({}, {})
                assert (recovered.rows, recovered.offsets) == expected
                await store.flush(0, Flush({b"a": b"%d" % number}, {"likes": number + 1}))
                server.kill()
                server.start()
            assert (await store.recover(0)).rows == {b"a": b"3"}
        finally:
            await store.close()

    asyncio.run(main())
