"""Giving a producer up: nothing of it is heard of again. No broker is asked: it never gets so far."""

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from tests.processes import free_port

from resonanz_streams.errors import RetryError
from resonanz_streams.transports.kafka_transaction import TransactionalWriter
from resonanz_streams.transports.kafka_url import parse

PLACE = TopicPartition("engine-state", 0)


def opened() -> TransactionalWriter:
    writer = TransactionalWriter(parse(f"kafka://127.0.0.1:{free_port()}"), "resonanz-0")
    writer._producer._txn_manager.set_pid_and_epoch(1, 0)
    return writer


async def begun(writer: TransactionalWriter) -> asyncio.Task[None]:
    """A write that waits for an answer."""
    writing = asyncio.create_task(writer.write({}, {PLACE: 3}, "resonanz"))
    async with asyncio.timeout(20):
        while not writer._producer._txn_manager._pending_txn_offsets:  # noqa: ASYNC110  # aiokafka's list
            await asyncio.sleep(0)
    return writing


def test_a_write_whose_writer_is_given_up_meanwhile_may_be_tried_again() -> None:
    async def written() -> None:
        writer = opened()
        writing = await begun(writer)
        await writer.abandon()
        await writing

    with pytest.raises(RetryError, match="resonanz-0 was given up while it was in use"):
        asyncio.run(asyncio.wait_for(written(), 20))


def test_a_write_that_is_itself_to_end_ends() -> None:
    async def cancelled() -> bool:
        writer = opened()
        writing = await begun(writer)
        writing.cancel()
        await asyncio.wait([writing])
        await writer.abandon()
        return writing.cancelled()

    assert asyncio.run(asyncio.wait_for(cancelled(), 20))


def test_a_batch_that_is_to_be_sent_again_is_given_up_without_a_word() -> None:
    async def told() -> list[dict[str, Any]]:
        heard: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
        writer = opened()
        producer = writer._producer
        producer._txn_manager.begin_transaction()
        accumulator = producer._message_accumulator
        builder = accumulator.create_builder()
        builder.append(timestamp=None, key=b"k", value=b"v", headers=[])
        accumulator._append_batch(builder, PLACE)
        # Sent, and put back because the partition had no leader just then.
        accumulator.reenqueue(accumulator._pop_batch(PLACE))
        await writer.abandon()
        await asyncio.sleep(0)
        return heard

    assert asyncio.run(told()) == []
