"""Giving a producer up: nothing of it is heard of again. No broker is asked: it never gets so far."""

import asyncio
from typing import Any

from aiokafka import TopicPartition
from tests.processes import free_port

from resonanz_streams.transports.kafka_transaction import TransactionalWriter
from resonanz_streams.transports.kafka_url import parse

PLACE = TopicPartition("engine-state", 0)


def test_a_batch_that_is_to_be_sent_again_is_given_up_without_a_word() -> None:
    async def told() -> list[dict[str, Any]]:
        heard: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
        writer = TransactionalWriter(parse(f"kafka://127.0.0.1:{free_port()}"), "resonanz-0")
        producer = writer._producer
        producer._txn_manager.set_pid_and_epoch(1, 0)
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
