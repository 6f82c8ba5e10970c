"""Writes of the state that fail, are late, or are refused by the broker: the numbers stay exact."""

import asyncio
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from resonanz_streams.topics import STATE, TOPICS
from tests.brokers import Broker
from tests.faults.comparison import wrong_figures
from tests.faults.durable import wrong_state
from tests.faults.fleet import CHUNK, Delivery, configure, ready, worker
from tests.faults.load import hard_load
from tests.faults.report import form, saw
from tests.processes import Process, free_port, samples, wait_until


def failed_flushes(port: int) -> int:
    return round(sum((samples(port, "resonanz_flush_failures_total") or {}).values()))


def test_writes_that_fail_before_or_after_they_are_done_or_come_late(broker: Broker, tmp_path: Path) -> None:
    failures = form(2, 5)
    load = hard_load(8, form(20_000, 100_000))
    config, port = configure(tmp_path, broker, load), free_port()
    broker.create_topics(4)
    words = ["-m", "tests.faults.failing_worker", "--config", str(config), "--port", str(port)]
    with (
        Process([*words, "--failures", str(failures)], tmp_path / "worker.log") as process,
        Delivery(broker, load) as delivery,
    ):
        wait_until(lambda: ready(port), "the worker is ready")
        for number in range(1, failures + 1):
            delivery.trickle(len(load.lines) // CHUNK // (failures + 1))
            wait_until(lambda number=number: failed_flushes(port) >= number, "a flush has failed", 90)  # type: ignore[misc]
        delivery.deliver_all()
        delivery.end()
        wrong = wrong_figures(broker, load, [port], seconds=120)
        failed = failed_flushes(port)
        assert process.terminate() == 0, process.output()
    wrong += wrong_state(broker, load, config)
    saw(
        "state writes fail or come late",
        broker="Apache Kafka" if broker.is_kafka else "SQLite",
        events=len(load.lines),
        failed=failed,
        wrong=len(wrong),
    )
    assert wrong == []
    assert failed == failures


async def _configure(broker: Broker, topic: str, settings: dict[str, str]) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=broker.url.removeprefix("kafka://"))
    await client.start()
    try:
        # What is not named goes back to the broker's default.
        whole = TOPICS[topic].kafka_config() | settings
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, broker.prefix + topic, whole)])
    finally:
        await client.close()


def test_a_broker_that_takes_no_record_of_this_size(kafka: Broker, tmp_path: Path) -> None:
    load = hard_load(9, form(8_000, 30_000))
    config, port = configure(tmp_path, kafka, load), free_port()
    kafka.create_topics(4)
    with Delivery(kafka, load) as delivery:
        with worker(config, port, name="worker") as process:
            wait_until(lambda: ready(port), "the worker is ready")
            delivery.trickle(len(load.lines) // 1_500)
            asyncio.run(_configure(kafka, STATE, {"max.message.bytes": "300"}))
            delivery.deliver_all()
            delivery.end()
            wait_until(lambda: process.process.poll() is not None, "the worker ends", 90)
        assert process.process.returncode == 1
        assert "a record is larger than its topic takes" in process.output()
        assert "Traceback" not in process.output()
        asyncio.run(_configure(kafka, STATE, {}))
        with worker(config, port, name="again") as process:
            wait_until(lambda: ready(port), "the second worker is ready")
            wrong = wrong_figures(kafka, load, [port], seconds=120)
            assert process.terminate() == 0, process.output()
    wrong += wrong_state(kafka, load, config)
    saw(
        "a broker refuses the state's records as too large",
        broker="Apache Kafka",
        events=len(load.lines),
        worker="ends with a sentence",
        wrong=len(wrong),
    )
    assert wrong == []
