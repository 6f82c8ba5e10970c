"""What a worker relies on, whatever keeps its state: all or nothing, one owner, and nothing forgotten."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.brokers import Broker

from resonanz_streams.errors import FencedError, RetryError
from resonanz_streams.topics import partition_of_key
from resonanz_streams.transports.ports import Flush, Outgoing, StateStore


@pytest.fixture
def place(broker: Broker) -> Broker:
    broker.create_topics()
    return broker


@asynccontextmanager
async def opened(place: Broker, group: str = "g") -> AsyncIterator[StateStore]:
    store = place.store(group)
    try:
        yield store
    finally:
        await store.close()


def test_a_new_partition_is_empty(place: Broker) -> None:
    async def main() -> None:
        async with opened(place) as store:
            recovered = await store.recover(1)
            assert (dict(recovered.rows), dict(recovered.offsets)) == ({}, {})

    asyncio.run(main())


def test_what_was_flushed_is_recovered_by_the_next_owner(place: Broker) -> None:
    place.publish(*[Outgoing("likes", b"k", b"1", partition=1)] * 9)

    async def main() -> None:
        async with opened(place) as store:
            await store.recover(1)
            await store.flush(1, Flush({b"a": b"1", b"b": b"2", b"c": b"3"}, {"likes": 7}))
            await store.flush(1, Flush({b"a": b"4", b"b": None, b"": b"empty"}, {"likes": 9, "shares": 0}))
        async with opened(place) as store:
            recovered = await store.recover(1)
            assert recovered.rows == {b"a": b"4", b"c": b"3", b"": b"empty"}
            assert recovered.offsets == {"likes": 9, "shares": 0}
            assert recovered.ends.keys() == {"likes"}, "of the topics that hold records"
            other = await store.recover(2)
            assert (dict(other.rows), dict(other.offsets)) == ({}, {})

    asyncio.run(main())


def test_rows_offsets_and_records_are_one_write(place: Broker) -> None:
    async def main() -> None:
        async with opened(place) as store:
            await store.recover(0)
            records = [
                Outgoing("kpis", b"x:1", b"snapshot", partition=0),
                Outgoing("dead-letters", None, b"raw", headers=[("reason", b"not_json")]),
                Outgoing("late", b"x:1", b"event", partition=2),
            ]
            await store.flush(0, Flush({b"a": b"1"}, {"comments": 0}, records))
        found = await place.everything("kpis", "dead-letters", "late")
        assert sorted((r.topic, r.key, r.value, tuple(r.headers)) for r in found) == [
            ("dead-letters", None, b"raw", (("reason", b"not_json"),)),
            ("kpis", b"x:1", b"snapshot", ()),
            ("late", b"x:1", b"event", ()),
        ]
        assert {r.partition for r in found if r.topic == "late"} == {2}

    asyncio.run(main())


def test_records_alone_are_written_too(place: Broker) -> None:
    async def main() -> None:
        async with opened(place) as store:
            await store.recover(0)
            await store.flush(0, Flush({}, {}, [Outgoing("kpis", b"x:1", b"1", partition=0)]))
            await store.flush(0, Flush({}, {}))
        assert [record.value for record in await place.everything("kpis")] == [b"1"]

    asyncio.run(main())


def test_a_key_chooses_the_partition_of_a_record_that_names_none(place: Broker) -> None:
    async def main() -> None:
        async with opened(place) as store:
            await store.recover(0)
            keys = [b"file:a%d" % number for number in range(20)]
            await store.flush(0, Flush({}, {}, [Outgoing("late", key, key) for key in keys]))
        late = await place.everything("late")
        assert {r.key: r.partition for r in late} == {key: partition_of_key(key, 3) for key in keys}
        assert len({r.partition for r in late}) == 3

    asyncio.run(main())


def test_large_rows_and_many_rows_survive(place: Broker) -> None:
    large = {b"large%d" % number: os.urandom(880_000) for number in range(5)}
    many = {b"%d" % number: b"%d" % (number * 7) for number in range(20_000)}

    async def main() -> None:
        async with opened(place) as store:
            await store.recover(0)
            await store.flush(0, Flush({**large, **many}, {}))
            recovered = await store.recover(0)
            assert recovered.rows == large | many

    asyncio.run(main())


def test_groups_do_not_see_each_others_state(place: Broker) -> None:
    async def main() -> None:
        async with opened(place, "one") as one, opened(place, "two") as two:
            for store in (one, two):
                await store.recover(0)
            await one.flush(0, Flush({b"a": b"one", b"b": b"one"}, {"likes": 0}))
            await two.flush(0, Flush({b"a": b"two"}, {"shares": 0}))
            first, second = await one.recover(0), await two.recover(0)
            assert (first.rows, first.offsets) == ({b"a": b"one", b"b": b"one"}, {"likes": 0})
            assert (second.rows, second.offsets) == ({b"a": b"two"}, {"shares": 0})

    asyncio.run(main())


def test_partitions_are_written_at_the_same_time(place: Broker) -> None:
    async def main() -> None:
        async with opened(place) as store:
            for partition in range(3):
                await store.recover(partition)
            for turn in range(5):
                await asyncio.gather(
                    *(store.flush(p, Flush({b"turn": b"%d" % turn}, {"likes": 0})) for p in range(3))
                )
            recovered = [await store.recover(partition) for partition in range(3)]
            assert [found.rows for found in recovered] == [{b"turn": b"4"}] * 3

    asyncio.run(main())


def test_a_partition_that_was_given_up_is_recovered_again(place: Broker) -> None:
    async def main() -> None:
        async with opened(place) as store:
            await store.recover(0)
            await store.flush(0, Flush({b"a": b"1"}, {}))
            await store.release(0)
            assert (await store.recover(0)).rows == {b"a": b"1"}
            await store.flush(0, Flush({b"a": b"2"}, {}))
            assert (await store.recover(0)).rows == {b"a": b"2"}

    asyncio.run(main())


def test_an_owner_that_lost_its_partition_writes_nothing(kafka: Broker) -> None:
    kafka.create_topics()

    async def main() -> None:
        async with opened(kafka) as old, opened(kafka) as new:
            for partition in (0, 1):
                await old.recover(partition)
            await old.flush(0, Flush({b"a": b"old"}, {"likes": 0}))
            assert (await new.recover(0)).rows == {b"a": b"old"}
            records = [Outgoing("kpis", b"x:1", b"zombie", partition=0)]
            with pytest.raises(FencedError, match="another worker has taken over"):
                await old.flush(0, Flush({b"a": b"zombie"}, {"likes": 0, "shares": 0}, records))
            with pytest.raises(RetryError, match="must be recovered first"):
                await old.flush(0, Flush({b"a": b"zombie"}, {}))
            await new.flush(0, Flush({b"b": b"new"}, {}))
            await old.flush(1, Flush({b"other": b"still mine"}, {}))
            recovered = await new.recover(0)
            assert recovered.rows == {b"a": b"old", b"b": b"new"}
            assert recovered.offsets == {"likes": 0}
        assert await kafka.everything("kpis") == []

    asyncio.run(main())


def test_a_transaction_that_a_dead_owner_left_open_is_not_seen(kafka: Broker) -> None:
    kafka.create_topics()

    async def main() -> None:
        async with opened(kafka) as dead, opened(kafka) as alive:
            await dead.recover(0)
            await dead.flush(0, Flush({b"a": b"1"}, {"likes": 0}))
            # More than is written in the time it is given: cancelled halfway, it stays open.
            rows = {b"%d" % number: os.urandom(500_000) for number in range(40)}
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(dead.flush(0, Flush({b"a": b"2", **rows}, {"likes": 5})), 0.05)
            recovered = await alive.recover(0)
            assert (recovered.rows, recovered.offsets) == ({b"a": b"1"}, {"likes": 0})

    asyncio.run(main())
