"""The consumer group: who owns what, and who stays a member."""

import asyncio
import math
from typing import Any

import pytest
from tests.brokers import Broker
from tests.pipeline.test_transport import running, until
from tests.pipeline.tiny import Book

from resonanz_streams.errors import StopError
from resonanz_streams.transports.ports import Outgoing

SESSION_SECONDS = 1.5
QUICK: dict[str, Any] = {"broker_session_timeout": SESSION_SECONDS, "broker_heartbeat_interval": 0.2}


@pytest.fixture
def place(kafka: Broker) -> Broker:
    kafka.create_topics(4)
    return kafka


def publish(place: Broker, count: int) -> None:
    topics = ("likes", "comments", "shares", "audience")
    place.publish(*[Outgoing(topics[n % 4], b"file:a%d" % (n % 40), b"%d" % n) for n in range(count)])


def test_a_partition_of_every_topic_has_one_owner(place: Broker) -> None:
    async def main() -> None:
        books = [Book(), Book(), Book()]
        async with running(place, books[0]), running(place, books[1]), running(place, books[2]):
            await until(lambda: sorted(len(b.owned) for b in books) == [1, 1, 2], "all share the partitions")
            publish(place, 400)
            await until(lambda: sum(len(b.lines) for b in books) == 400, "every line is read once")
            for book in books:
                assert {run.partition for run in book.runs} == book.owned
            assert {p for b in books for p in b.owned} == {0, 1, 2, 3}

    asyncio.run(main())


def test_a_member_that_leaves_hands_over_before_its_session_would_end(place: Broker) -> None:
    async def main() -> None:
        stays, leaves = Book(), Book()
        async with running(place, stays, broker_session_timeout=60.0):
            async with running(place, leaves, broker_session_timeout=60.0, consumer_group_instance_id="b"):
                await until(lambda: len(stays.owned) == len(leaves.owned) == 2, "both have a half")
            await until(lambda: len(stays.owned) == 4, "the other has all")

    asyncio.run(main())


def test_a_recovery_longer_than_a_session_does_not_cost_the_membership(place: Broker) -> None:
    publish(place, 40)

    async def main() -> None:
        book, loop = Book(), asyncio.get_running_loop()

        async def long_recovery() -> None:
            began = loop.time()
            await until(lambda: loop.time() > began + 2.5 * SESSION_SECONDS, "it has taken its time")

        book.before_assigned = long_recovery
        async with running(place, book, **QUICK) as app:
            await until(lambda: len(book.lines) == 40, "all is read")
            assert app.crash_reason is None
        assert book.calls == ["assigned [0, 1, 2, 3]", "revoked [0, 1, 2, 3]"]

    asyncio.run(main())


def test_a_member_that_comes_back_under_its_name_need_not_wait_and_who_had_it_stops(place: Broker) -> None:
    async def main() -> None:
        first, second = Book(), Book()
        named = {"broker_session_timeout": 60.0, "consumer_group_instance_id": "worker-1"}
        async with running(place, first, broker_heartbeat_interval=0.2, **named) as replaced:
            await until(lambda: len(first.owned) == 4, "it owns all")
            # The same name from elsewhere, while the broker still believes in the first.
            async with running(place, second, broker_heartbeat_interval=0.2, **named) as app:
                await until(lambda: len(second.owned) == 4, "the second owns all, within the session")
                await until(lambda: replaced.crash_reason is not None, "the first stops")
                assert isinstance(replaced.crash_reason, StopError)
                assert "is named worker-1, too, and has taken this one's place" in str(replaced.crash_reason)
                assert first.ours_until == -math.inf
                assert app.crash_reason is None

    asyncio.run(main())


def test_a_new_member_shows_nothing_until_an_earlier_one_of_its_name_was_told(place: Broker) -> None:
    seen: dict[str, float] = {}

    async def join(name: str) -> None:
        book = Book()

        async def look() -> None:
            seen.setdefault(name, book.ours_until - book.ours_from)

        book.before_assigned = look
        # So that no heartbeat comes between joining and looking.
        slow = {"broker_session_timeout": 20.0, "broker_heartbeat_interval": 5.0}
        async with running(place, book, consumer_group_instance_id=name or None, **slow):
            await until(lambda: len(book.owned) == 4, "it owns all")

    asyncio.run(join("worker-1"))
    asyncio.run(join(""))
    # Of the session's 20 s the first three heartbeats; without a name there is nobody to wait for.
    assert seen == {"worker-1": pytest.approx(5.0), "": math.inf}
