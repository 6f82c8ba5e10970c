"""Somebody, or time, changes the log behind a worker's back: records, partitions, topics and offsets go."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete
from kafka.admin import KafkaAdminClient

from resonanz_streams.errors import RECOUNT
from resonanz_streams.topics import DEAD_LETTERS, INTERACTION_TOPICS, TOPICS, partition_of
from resonanz_streams.transports.ports import Outgoing, Record
from resonanz_streams.transports.sqlite_log import SqliteLog
from resonanz_streams.transports.sqlite_schema import path_of
from tests.brokers import Broker
from tests.faults.comparison import in_the_log, lines_of, wrong_figures, wrong_samples, wrong_snapshots
from tests.faults.durable import wrong_state
from tests.faults.fleet import CHUNK, Delivery, configure, topic_of, worker
from tests.faults.load import Load, hard_load
from tests.faults.report import form, saw
from tests.faults.watch import look
from tests.processes import free_port, samples, wait_until


def on(broker: Broker) -> str:
    return "Apache Kafka" if broker.is_kafka else "SQLite"


async def _administer(broker: Broker, call: Callable[[Any], Awaitable[None]]) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=broker.url.removeprefix("kafka://"))
    await client.start()
    try:
        await call(client)
    finally:
        await client.close()


def administer(broker: Broker, call: Callable[[Any], Awaitable[None]]) -> None:
    """As an operator would."""
    asyncio.run(_administer(broker, call))


def caught_up(broker: Broker, port: int) -> bool:
    """Whether a worker has read all interactions that are there."""
    found = look("", port).positions
    return all(
        found.get((topic, number), 0) >= end
        for topic in INTERACTION_TOPICS
        for number, end in broker.ends(topic).items()
    )


def read_and_end(broker: Broker, config: Path, port: int) -> None:
    """A worker's life: it reads all there is."""
    with worker(config, port, name="first") as process:
        wait_until(lambda: caught_up(broker, port), "the first worker has read everything")
        assert process.terminate() == 0, process.output()


# -- records -------------------------------------------------------------------------------------------


def remove(broker: Broker, below: Mapping[tuple[str, int], int]) -> None:
    """As retention does, whether they were read or not."""
    if broker.is_kafka:
        places = {
            TopicPartition(broker.prefix + topic, number): RecordsToDelete(before_offset=offset)
            for (topic, number), offset in below.items()
        }
        administer(broker, lambda client: client.delete_records(places))
        return
    log = SqliteLog(path_of(broker.url))
    for (topic, number), offset in below.items():
        while log.remove_before(broker.prefix + topic, number, 2**62, offset):
            pass
    log.close()


def test_records_that_retention_removed_before_they_were_read_are_counted_as_lost(
    broker: Broker, tmp_path: Path
) -> None:
    broker.create_topics(4)
    load = hard_load(31, form(20_000, 100_000))
    chunks, port = len(load.lines) // CHUNK, free_port()
    config = configure(tmp_path, broker, load)
    with Delivery(broker, load) as delivery:
        delivery.deliver(chunks // 3)
        read_and_end(broker, config, port)
        counted = _ends(broker)
        for _ in range(chunks // 3):
            delivery.deliver(1)  # the embedded log packs what comes at once into one record
        removed = {place: (counted[place] + end) // 2 for place, end in _ends(broker).items()}
        gone = [record for record in in_the_log(broker) if _is_between(record, counted, removed)]
        remove(broker, removed)
        with worker(config, port, name="second") as process:
            delivery.deliver_all()
            delivery.end()
            first = {(topic_of(kind), line) for _, kind, line in load.lines[: chunks // 3 * CHUNK]}
            rest = _without(load, _lines_in(gone) - _lines_in(in_the_log(broker)) - first)
            wrong = wrong_snapshots(broker, rest) + wrong_samples(rest, [port])
            lost = _lost(port)
            assert process.terminate() == 0, process.output()
    saw("retention before reading", broker=on(broker), removed=len(gone), lost=int(lost), wrong=len(wrong))
    assert gone
    assert lost == len(gone)
    assert wrong == []
    assert process.output().count("were removed before they were read, and are not counted") == len(
        {(record.topic, record.partition) for record in gone}
    )


def _ends(broker: Broker) -> dict[tuple[str, int], int]:
    return {(topic, n): end for topic in INTERACTION_TOPICS for n, end in broker.ends(topic).items()}


def _is_between(
    record: Record, counted: Mapping[tuple[str, int], int], removed: Mapping[tuple[str, int], int]
) -> bool:
    place = record.topic, record.partition
    return place in counted and counted[place] <= record.offset < removed[place]


def _lines_in(records: list[Record]) -> set[tuple[str, bytes]]:
    return {(record.topic, line) for record in records for line in lines_of(record)}


def _without(load: Load, lost: set[tuple[str, bytes]]) -> Load:
    return replace(
        load,
        lines=[(name, kind, line) for name, kind, line in load.lines if (topic_of(kind), line) not in lost],
    )


# -- partitions ----------------------------------------------------------------------------------------


def test_partitions_that_an_operator_adds_stop_the_worker_before_anything_is_miscounted(
    kafka: Broker, tmp_path: Path
) -> None:
    kafka.create_topics(4)
    load = hard_load(32, 20_000)
    config = configure(tmp_path, kafka, load)
    port = free_port()
    grown = {
        kafka.prefix + name: NewPartitions(total_count=5)
        for name, spec in TOPICS.items()
        if spec.partitions is None
    }
    with worker(config, port, name="worker") as process, Delivery(kafka, load) as delivery:
        delivery.deliver(10)
        wait_until(lambda: caught_up(kafka, port), "the worker has read everything")
        administer(kafka, lambda client: client.create_partitions(grown))
        with Delivery(kafka, load) as of_another:  # it knows of the fifth
            of_another.deliver(20)
        assert process.process.wait(30) == 1
    told = process.output()
    letters = [dict(record.headers)["error"] for record in asyncio.run(kafka.everything(DEAD_LETTERS))]
    misplaced = [error for error in letters if b"the account belongs to partition" in error]
    refusals = [_refusal(configure(tmp_path, kafka, load, number), f"again-{number}") for number in (4, 5)]
    saw("partitions added", broker=on(kafka), events_miscounted=len(misplaced), refusals=1 + len(refusals))
    assert _moved(load) > 0
    assert misplaced == []
    assert "has 5 partitions, the configuration says 4" in told + refusals[0]
    assert "partitions cannot be added once events are there" in told
    assert "partitions cannot be added once events are there" in refusals[0]
    assert "what was counted stands in 4 partitions, the configuration says 5" in refusals[1]
    assert "Traceback" not in told + refusals[0] + refusals[1]


def _moved(load: Load) -> int:
    return sum(partition_of(account, 4) != partition_of(account, 5) for account in load.accounts)


def _refusal(config: Path, name: str) -> str:
    with worker(config, free_port(), name=name) as process:
        assert process.process.wait(30) == 1
        return process.output()


# -- offsets and topics --------------------------------------------------------------------------------


def test_offsets_that_the_broker_forgot_stand_in_the_state(kafka: Broker, tmp_path: Path) -> None:
    kafka.create_topics(4)
    load = hard_load(33, form(20_000, 100_000))
    config = configure(tmp_path, kafka, load)
    port = free_port()
    with Delivery(kafka, load) as delivery:
        delivery.deliver(len(load.lines) // CHUNK // 2)
        read_and_end(kafka, config, port)
        forget(kafka, f"{kafka.prefix}workers")
        with worker(config, port, name="second") as process:
            delivery.deliver_all()
            delivery.end()
            wrong = wrong_figures(kafka, load, [port])
            recovered = samples(port, "resonanz_recovered_position") or {}
            assert process.terminate() == 0, process.output()
    wrong += wrong_state(kafka, load, config)
    saw("the group's offsets deleted", broker=on(kafka), wrong=len(wrong))
    assert sum(recovered.values()) > 0
    assert wrong == []


def forget(broker: Broker, group: str) -> None:
    """As Kafka does when nobody of the group was there for a week."""
    client = KafkaAdminClient(bootstrap_servers=broker.url.removeprefix("kafka://"))
    try:
        client.delete_groups([group])
    finally:
        client.close()


def test_a_topic_that_was_deleted_is_not_taken_for_the_one_that_was_counted(
    kafka: Broker, tmp_path: Path
) -> None:
    kafka.create_topics(4)
    load = hard_load(34, 20_000)
    config = configure(tmp_path, kafka, load)
    port = free_port()
    with Delivery(kafka, load) as delivery:
        delivery.deliver(10)
    read_and_end(kafka, config, port)
    comments = [(name, line) for name, kind, line in load.lines[10 * CHUNK : 20 * CHUNK] if kind == "comment"]
    with worker(config, port, name="worker") as process:
        wait_until(lambda: caught_up(kafka, port), "the worker goes on")
        administer(kafka, lambda client: client.delete_topics([f"{kafka.prefix}likes"]))
        kafka.publish(*[Outgoing("comments", name.encode(), line) for name, line in comments])
        assert process.process.wait(60) == 1, process.output()
    refusal = _refusal(config, "again")
    saw("a topic deleted", broker=on(kafka), refusals=2)
    assert "likes" in process.output()
    assert "the topic was deleted" in refusal
    assert RECOUNT in refusal


# -- other people's transactions -------------------------------------------------------------------------


class Foreign:
    """A transactional producer of somebody else's: of four transactions one is aborted, then tried again."""

    def __init__(self, broker: Broker, load: Load) -> None:
        self._broker = broker
        self._places = iter(range(0, len(load.lines), 50))
        self._lines = load.lines

    async def deliver(self, transactions: int) -> None:
        producer: Any = AIOKafkaProducer(
            bootstrap_servers=self._broker.url.removeprefix("kafka://"),
            transactional_id=f"{self._broker.prefix}foreign",
        )
        await producer.start()
        try:
            for place in itertools.islice(self._places, transactions):
                for commits in (False, True) if place % 200 == 0 else (True,):
                    await producer.begin_transaction()
                    for account, kind, line in self._lines[place : place + 50]:
                        where = {"partition": partition_of(account, 4), "key": account.encode()}
                        await producer.send(self._broker.prefix + topic_of(kind), line, **where)
                    await (producer.commit_transaction() if commits else producer.abort_transaction())
        finally:
            await producer.stop()


def test_markers_and_aborted_records_of_others_are_neither_counted_nor_lost(
    kafka: Broker, tmp_path: Path
) -> None:
    kafka.create_topics(4)
    load, kills = hard_load(35, form(10_000, 40_000)), form(2, 8)
    config = configure(tmp_path, kafka, load)
    port, foreign, lost = free_port(), Foreign(kafka, load), 0.0
    for number in range(kills):
        with worker(config, port, name=f"worker-{number}"):
            asyncio.run(foreign.deliver(len(load.lines) // 50 // (kills + 1)))
            wait_until(lambda: sum(look("", port).positions.values()) > 0, "it reads")
            lost += _lost(port)
    with worker(config, port, name="last") as process, Delivery(kafka, load) as delivery:
        asyncio.run(foreign.deliver(len(load.lines)))
        wait_until(lambda: caught_up(kafka, port), "all is read")
        delivery.end()
        wrong = wrong_figures(kafka, load, [port])
        lost += _lost(port)
        assert process.terminate() == 0, process.output()
    saw("transactions of other producers", broker=on(kafka), kills=kills, lost=int(lost), wrong=len(wrong))
    assert lost == 0
    assert wrong == []


def _lost(port: int) -> float:
    return sum((samples(port, "resonanz_lost_records_total") or {}).values())
