"""A state that is not what was written: a hole at its end is passed, damage refused, nothing guessed."""

import asyncio
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from resonanz_streams.errors import RECOUNT, StopError
from resonanz_streams.topics import STATE
from resonanz_streams.transports.sqlite_schema import path_of
from tests.brokers import Broker
from tests.faults.comparison import wrong_figures
from tests.faults.durable import restored, wrong_state
from tests.faults.fleet import Delivery, configure, ready, worker
from tests.faults.load import Load, hard_load
from tests.faults.report import form, saw
from tests.processes import free_port, wait_until


def counted(broker: Broker, load: Load, config: Path) -> None:
    """The whole load, by a worker that ended."""
    broker.create_topics(4)
    port = free_port()
    with worker(config, port, name="first") as process, Delivery(broker, load) as delivery:
        delivery.deliver_all()
        delivery.end()
        assert wrong_figures(broker, load, [port], seconds=120) == []
        assert process.terminate() == 0, process.output()


async def abort_at_the_end(broker: Broker) -> None:
    """A transaction of somebody else on every partition of the state, given up."""
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.url.removeprefix("kafka://"), transactional_id=f"{broker.prefix}foreign"
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        for partition in range(4):
            await producer.send_and_wait(broker.prefix + STATE, b"rows", b"other/l/0", partition=partition)
        await producer.abort_transaction()
    finally:
        await producer.stop()


def test_a_hole_at_the_end_of_the_state_is_passed(kafka: Broker, tmp_path: Path) -> None:
    load = hard_load(12, form(8_000, 50_000))
    config, port = configure(tmp_path, kafka, load), free_port()
    counted(kafka, load, config)
    asyncio.run(abort_at_the_end(kafka))
    with worker(config, port, name="second") as process:
        wait_until(lambda: ready(port), "the second worker is ready")
        wrong = wrong_figures(kafka, load, [port], seconds=60)
        assert process.terminate() == 0, process.output()
    wrong += wrong_state(kafka, load, config)
    saw("hole at the end of the state", broker="Apache Kafka", events=len(load.lines), wrong=len(wrong))
    assert wrong == []


@pytest.fixture
def place(tmp_path: Path) -> Broker:
    return Broker(f"sqlite:///{tmp_path}/resonanz.db", "")


def flip(database: sqlite3.Connection, rng: random.Random) -> tuple[int, bytes, bytes, bytes, bytes]:
    """Change one bit of a row, of its key or of its value; returns how it was and how it is."""
    rows = database.execute("SELECT rowid, key, value FROM state ORDER BY rowid").fetchall()
    number, key, value = rng.choice(rows)
    both = bytearray(key + value)
    # One flip in four hits the few bytes of a key.
    bit = rng.randrange(8 * (len(key) if rng.random() < 0.25 else len(both)))
    both[bit // 8] ^= 1 << bit % 8
    changed = bytes(both[: len(key)]), bytes(both[len(key) :])
    database.execute("UPDATE state SET key = ?, value = ? WHERE rowid = ?", (*changed, number))
    return number, key, value, *changed


def test_a_flipped_bit_is_refused_wherever_it_is(place: Broker, tmp_path: Path) -> None:
    load = hard_load(13, form(8_000, 30_000))
    config, flips = configure(tmp_path, place, load), form(20, 100)
    counted(place, load, config)
    rng, counted_on, unexplained = random.Random(17), 0, 0
    with closing(sqlite3.connect(path_of(place.url), isolation_level=None)) as database:
        for _ in range(flips):
            number, key, value, *_ = flip(database, rng)
            try:
                restored(place, config)
                counted_on += 1
            except StopError as error:
                unexplained += not str(error).endswith(RECOUNT)
            database.execute("UPDATE state SET key = ?, value = ? WHERE rowid = ?", (key, value, number))
        assert wrong_state(place, load, config) == [], "put right, it is exact again"
        flip(database, rng)
    with worker(config, free_port(), name="damaged") as process:
        wait_until(lambda: process.process.poll() is not None, "the worker ends", 60)
        said = process.output()
    saw(
        "flipped bit in the state",
        broker="SQLite",
        flips=flips,
        without_a_command_to_run=unexplained,
        wrong=counted_on,
    )
    assert (counted_on, unexplained) == (0, 0)
    assert process.process.returncode == 1
    assert RECOUNT in said
    assert "Traceback" not in said


def test_a_state_of_an_earlier_version_is_refused_with_the_command(place: Broker, tmp_path: Path) -> None:
    """Its rows had no seal."""
    load = hard_load(14, 5_000)
    config = configure(tmp_path, place, load)
    counted(place, load, config)
    with closing(sqlite3.connect(path_of(place.url), isolation_level=None)) as database:
        database.execute("UPDATE state SET value = substr(value, 10)")
    with worker(config, free_port(), name="older") as process:
        wait_until(lambda: process.process.poll() is not None, "the worker ends", 60)
        said = process.output()
    saw("state of an earlier version", broker="SQLite", worker="refused with a sentence")
    assert process.process.returncode == 1
    assert f"is damaged, or an earlier version of resonanz wrote it; {RECOUNT}" in said
    assert "Traceback" not in said
