"""Workers of a group on Apache Kafka: they share the partitions, lose them, and lose the broker."""

import gc
import json
import os
import re
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.brokers import Broker, corner_of
from tests.faults.fleet import Delivery, configure, worker
from tests.faults.load import Load, make_load
from tests.faults.snapshots import final_counts, naive_counts
from tests.kafka_server import KafkaServer
from tests.processes import Process, free_port, get, samples, wait_until

EVENTS = 60_000
# kafka-python leaves sockets to the collector while nobody answers.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """While their warning is let pass."""
    yield
    gc.collect()


def owned(port: int) -> frozenset[int]:
    """The partitions that a worker counts."""
    found = samples(port, "resonanz_position") or {}
    return frozenset(int(label) for labels in found for label in labels if label.isdigit())


def ready(port: int) -> bool:
    return get(f"http://127.0.0.1:{port}/readyz") is not None


def exact(load: Load) -> Mapping[str, object]:
    return naive_counts([json.loads(line) for _, _, line in load.lines], load.end_ms)


def counted(broker: Broker, load: Load) -> Mapping[str, object]:
    return final_counts(broker.url, load.accounts, load.end_ms, prefix=broker.prefix)


def lines_of(process: Process) -> list[str]:
    """What went wrong, as a worker told a person: neither its address nor deprecations of libraries."""
    return [
        line
        for line in process.output().splitlines()
        if not re.search(r"Deprecat|^  \w|^/metrics, /healthz and /readyz: http://", line)
    ]


def test_two_workers_share_the_partitions_and_one_takes_over_what_the_other_leaves(
    kafka: Broker, tmp_path: Path
) -> None:
    kafka.create_topics(4)
    load = make_load(3, EVENTS)
    config = configure(tmp_path, kafka, load)
    first, second = free_port(), free_port()
    with Delivery(kafka, load) as delivery, worker(config, first, name="first") as one:
        wait_until(lambda: ready(first), "the first worker is ready")
        delivery.deliver(30)
        wait_until(lambda: owned(first) == {0, 1, 2, 3}, "the first counts all partitions")
        with worker(config, second, name="second") as two:
            wait_until(lambda: len(owned(second)) == 2, "the second counts its half")
            wait_until(lambda: owned(first) | owned(second) == {0, 1, 2, 3}, "all are counted")
            assert not owned(first) & owned(second)
            delivery.deliver(30)
            assert two.terminate() == 0, two.output()
        wait_until(lambda: owned(first) == {0, 1, 2, 3}, "the first counts all partitions again")
        delivery.deliver_all()
        delivery.end()
        assert counted(kafka, load) == exact(load)
        assert one.terminate() == 0, one.output()
    assert lines_of(one) == []
    assert lines_of(two) == []


def test_a_worker_that_froze_while_another_took_over_changes_nothing(kafka: Broker, tmp_path: Path) -> None:
    kafka.create_topics(4)
    load = make_load(4, EVENTS)
    config = configure(tmp_path, kafka, load)
    first, second = free_port(), free_port()
    with (
        Delivery(kafka, load) as delivery,
        worker(config, first, name="first") as frozen,
        worker(config, second, name="second") as other,
    ):
        delivery.deliver(10)
        wait_until(lambda: len(owned(first)) == len(owned(second)) == 2, "each counts its half")
        delivery.deliver(10)
        os.kill(frozen.process.pid, signal.SIGSTOP)
        delivery.deliver(20)
        wait_until(lambda: owned(second) == {0, 1, 2, 3}, "the second has taken over")
        delivery.deliver(20)
        os.kill(frozen.process.pid, signal.SIGCONT)
        delivery.deliver_all()
        delivery.end()
        wait_until(lambda: len(owned(first)) == 2, "the first has its half again")
        assert counted(kafka, load) == exact(load)
        assert frozen.terminate() == 0, frozen.output()
        assert other.terminate() == 0, other.output()
    assert "Traceback" not in frozen.output() + other.output()


def test_a_broker_that_is_killed_and_comes_back_is_used_again(own_kafka: KafkaServer, tmp_path: Path) -> None:
    broker = corner_of(own_kafka.url)
    broker.create_topics(4)
    load = make_load(5, EVENTS)
    config = configure(tmp_path, broker, load)
    port = free_port()
    with Delivery(broker, load) as delivery, worker(config, port, name="worker") as process:
        wait_until(lambda: ready(port), "the worker is ready")
        delivery.deliver(30)
        for end in (own_kafka.kill, own_kafka.stop):
            end()
            wait_until(lambda: not ready(port), "the worker says that it is not ready")
            assert owned(port) == frozenset()
            own_kafka.start()
            delivery.deliver(10)
            wait_until(lambda: ready(port), "the worker is ready again")
        delivery.deliver_all()
        delivery.end()
        assert counted(broker, load) == exact(load)
        assert process.terminate() == 0, process.output()
    told = lines_of(process)
    assert told
    assert all("starting over in" in line for line in told), told
    assert any("Kafka does not answer" in line for line in told)


def test_a_broker_that_is_away_at_the_start_is_waited_for(own_kafka: KafkaServer, tmp_path: Path) -> None:
    broker = corner_of(own_kafka.url)
    load = make_load(6, 4_000, accounts=20)
    config = configure(tmp_path, broker, load)
    own_kafka.stop()
    port = free_port()
    with worker(config, port, name="worker") as process:
        wait_until(lambda: "Kafka does not answer" in process.output(), "the worker says what is wrong")
        assert get(f"http://127.0.0.1:{port}/healthz") is not None
        assert not ready(port)
        own_kafka.start()
        wait_until(lambda: ready(port), "the worker is ready")
        with Delivery(broker, load) as delivery:
            delivery.deliver_all()
            delivery.end()
        assert counted(broker, load) == exact(load)
        assert process.terminate() == 0, process.output()
    told = lines_of(process)
    assert all("start it, or correct broker" in line and "starting over in" in line for line in told), told
