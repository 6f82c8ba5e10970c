"""What Kafka's log may hold besides records: markers, aborted records, gaps, and a log cut off."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from tests.brokers import Broker
from tests.pipeline.test_transport import running, until
from tests.pipeline.tiny import Book

from resonanz_streams.doctor.exam import open_exam
from resonanz_streams.errors import StopError
from resonanz_streams.transports.brokers import open_archive
from resonanz_streams.transports.ports import Flush, Outgoing, Record, Run


@pytest.fixture
def place(kafka: Broker) -> Broker:
    kafka.create_topics(1)
    return kafka


@asynccontextmanager
async def foreign_producer(place: Broker) -> AsyncIterator[Any]:
    """Somebody else's, with transactions."""
    producer = AIOKafkaProducer(
        bootstrap_servers=place.url.removeprefix("kafka://"), transactional_id=f"{place.prefix}foreign"
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def administration(place: Broker) -> AsyncIterator[Any]:
    client = AIOKafkaAdminClient(bootstrap_servers=place.url.removeprefix("kafka://"))
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def delete_before(place: Broker, topic: str, offset: int) -> None:
    """As retention would."""
    async with administration(place) as client:
        where = TopicPartition(place.prefix + topic, 0)
        await client.delete_records({where: RecordsToDelete(before_offset=offset)})


def publish(place: Broker, *numbers: int) -> None:
    for number in numbers:
        place.publish(Outgoing("likes", b"k", b"%d" % number))


def shape(run: Run) -> tuple[int, int, list[int], list[bytes]]:
    return run.first_offset, run.next_offset, list(run.offsets), list(run.values)


def continuous(runs: list[Run]) -> bool:
    return all(before.next_offset == after.first_offset for before, after in itertools.pairwise(runs))


def test_markers_and_aborted_records_are_no_loss(place: Broker) -> None:
    async def main() -> list[Run]:
        # Offsets 0 to 8, with the markers of transactions at 1, 3, 6 and 8: the log begins and ends with
        # what nobody is to see.
        async with foreign_producer(place) as producer:
            for value, commits in (
                (b"never", False),
                (b"1", True),
                (None, True),
                (b"3", True),
                (b"no", False),
            ):
                if value is None:
                    await asyncio.to_thread(publish, place, 2)
                    continue
                await producer.begin_transaction()
                await producer.send_and_wait(f"{place.prefix}likes", value, partition=0)
                await (producer.commit_transaction() if commits else producer.abort_transaction())
        book = Book()
        async with running(place, book):
            await until(lambda: len(book.lines) == 3, "what was there is read")
            await asyncio.to_thread(publish, place, 4)
            await until(lambda: len(book.lines) == 4, "what came is read")
        return book.runs

    runs = asyncio.run(main())
    assert [(at, value) for run in runs for at, value in zip(run.offsets, run.values, strict=True)] == [
        (2, b"1"),
        (4, b"2"),
        (5, b"3"),
        (9, b"4"),
    ]
    assert shape(runs[0]) == (0, 2, [], [])
    assert continuous(runs)
    # Where something is missing stands an empty run, not a gap before a record.
    assert all(not run.offsets or run.offsets[0] == run.first_offset for run in runs)


def test_an_uncommitted_record_is_not_read_and_holds_up_those_behind_it(place: Broker) -> None:
    async def main() -> None:
        book = Book()
        async with running(place, book), foreign_producer(place) as producer:
            await asyncio.to_thread(publish, place, 1)
            await until(lambda: book.lines == [b"1"], "the first is read")
            await producer.begin_transaction()
            await producer.send_and_wait(f"{place.prefix}likes", b"2", partition=0)
            await asyncio.to_thread(publish, place, 3)
            with pytest.raises(AssertionError):
                await until(lambda: len(book.lines) > 1, "more is read", 0.5)
            await producer.commit_transaction()
            await until(lambda: book.lines == [b"1", b"2", b"3"], "all are read")

    asyncio.run(main())


def test_what_retention_removed_unread_is_lost_and_the_markers_behind_it_are_not(place: Broker) -> None:
    publish(place, *range(9))

    async def main() -> list[Run]:
        async with foreign_producer(place) as producer:
            await producer.begin_transaction()
            await producer.send_and_wait(f"{place.prefix}likes", b"never", partition=0)
            await producer.abort_transaction()  # 9 and its marker at 10
        await asyncio.to_thread(publish, place, 11)
        book = Book({("likes", 0): 2})
        await delete_before(place, "likes", 9)
        async with running(place, book):
            await until(lambda: len(book.lines) == 1, "what is left is read")
        return book.runs

    runs = asyncio.run(main())
    assert [(*shape(run), run.lost) for run in runs] == [
        (2, 9, [], [], 7),
        (9, 11, [], [], 0),
        (11, 12, [11], [b"11"], 0),
    ]


def test_a_log_that_ends_before_what_was_counted_stops_the_worker(place: Broker) -> None:
    publish(place, *range(3))

    async def main() -> None:
        store = place.store()
        try:
            await store.recover(0)
            await store.flush(0, Flush({}, {"likes": 10}))
            with pytest.raises(StopError, match=r"ends at 3, but .* up to 10 have been counted"):
                await store.recover(0)
        finally:
            await store.close()

    asyncio.run(main())


def test_a_log_that_begins_anew_while_it_is_read_stops_the_worker(place: Broker) -> None:
    publish(place, *range(3))

    async def main() -> None:
        # As if more had been counted than the log holds: the driver goes back to its beginning.
        async with running(place, Book({("likes", 0): 8})) as app:
            await until(lambda: app.crash_reason is not None, "the app stops")
            assert isinstance(app.crash_reason, StopError)
            assert "begins anew at 0" in str(app.crash_reason)

    asyncio.run(main())


def test_compressed_records_of_any_kind_are_read(place: Broker) -> None:
    async def main() -> None:
        book = Book()
        servers = place.url.removeprefix("kafka://")
        for codec in ("gzip", "snappy", "lz4", "zstd"):
            producer = AIOKafkaProducer(bootstrap_servers=servers, compression_type=codec)
            await producer.start()
            await producer.send_and_wait(f"{place.prefix}likes", codec.encode() * 50, partition=0)
            await producer.stop()
        async with running(place, book):
            await until(lambda: len(book.lines) == 4, "all are read")
        assert book.lines == [codec * 50 for codec in (b"gzip", b"snappy", b"lz4", b"zstd")]

    asyncio.run(main())


def test_a_header_that_is_null_is_empty_to_every_reader(place: Broker) -> None:
    async def written() -> None:
        async with foreign_producer(place) as producer, producer.transaction():
            await producer.send(f"{place.prefix}dead-letters", b"{}", headers=[("reason", None)])

    async def archived() -> list[Record]:
        archive = open_archive(place.url, prefix=place.prefix)
        try:
            return [record async for batch in archive.records("dead-letters", 0, 0, 1) for record in batch]
        finally:
            await archive.close()

    asyncio.run(written())
    expected = [Record("dead-letters", 0, 0, None, b"{}", (("reason", b""),))]
    assert asyncio.run(archived()) == expected
    assert asyncio.run(place.everything("dead-letters")) == expected
    with contextlib.closing(open_exam(place.url, prefix=place.prefix, group="g")) as exam:
        assert exam.newest("dead-letters", 2) == expected
