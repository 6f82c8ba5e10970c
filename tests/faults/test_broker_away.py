"""Apache Kafka stops, is killed, and is hardly to be reached, while a worker counts."""

import gc
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import Broker, corner_of
from tests.faults.comparison import wrong_figures
from tests.faults.fleet import Delivery, configure, worker
from tests.faults.load import Load, hard_load
from tests.faults.proxy import WiredKafka
from tests.faults.report import form, saw
from tests.faults.watch import look
from tests.kafka_server import KafkaServer
from tests.processes import Process, free_port, get, wait_until

ON_KAFKA = "Apache Kafka"
# kafka-python leaves sockets to the collector while nobody answers.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """While their warning is let pass."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def wired(kafka_server: KafkaServer) -> Iterator[WiredKafka]:
    """One for these tests: workers come through a wire, all others do not."""
    del kafka_server  # says aloud that Kafka cannot be had
    with WiredKafka() as server:
        yield server


@pytest.fixture
def place(wired: WiredKafka) -> Broker:
    """Without the wire."""
    wired.start()
    broker = corner_of(wired.plain_url)
    broker.create_topics(4)
    return broker


def told(process: Process) -> list[str]:
    """What went wrong, as a worker told a person: neither its address nor deprecations of libraries."""
    return [
        line
        for line in process.output().splitlines()
        if not re.search(r"Deprecat|^  \w|^/metrics, /healthz and /readyz: http://", line)
    ]


def configured(folder: Path, place: Broker, wired: WiredKafka, load: Load) -> Path:
    return configure(folder, Broker(wired.url, place.prefix), load)


def ready(port: int) -> bool:
    return look("", port).ready


def test_a_broker_that_stops_and_is_killed_and_comes_back(
    place: Broker, wired: WiredKafka, tmp_path: Path
) -> None:
    load = hard_load(23, form(40_000, 300_000))
    kills, port = form(1, 5), free_port()
    share = len(load.lines) // 500 // (kills + 2)
    config = configured(tmp_path, place, wired, load)
    with Delivery(place, load) as delivery, worker(config, port, name="worker") as process:
        wait_until(lambda: ready(port), "the worker is ready")
        for end in (wired.stop, *[wired.kill] * kills):
            delivery.deliver(share)
            end()
            wait_until(lambda: not ready(port), "the worker says that it is not ready")
            assert not look("", port).accounts
            wired.start()
            wait_until(lambda: ready(port), "the worker is ready again")
        delivery.deliver_all()
        delivery.end()
        wrong = wrong_figures(place, load, [port])
        assert process.terminate() == 0, process.output()
    saw("broker stopped, killed, started", broker=ON_KAFKA, stops=1, kills=kills, wrong=len(wrong))
    assert wrong == []
    assert told(process)
    assert all("starting over in" in line for line in told(process)), told(process)
    assert any("Kafka does not answer" in line for line in told(process))


def test_a_wire_that_is_cut_delayed_and_throttled(place: Broker, wired: WiredKafka, tmp_path: Path) -> None:
    load = hard_load(24, form(40_000, 300_000))
    rounds, port, before = form(1, 6), free_port(), wired.wire.cuts
    share = len(load.lines) // 500 // (4 * rounds + 1)
    config = configured(tmp_path, place, wired, load)
    with Delivery(place, load) as delivery, worker(config, port, name="worker") as process:
        wait_until(lambda: ready(port), "the worker is ready")
        for _ in range(rounds):
            with wired.wire.slow(delay_seconds=0.1):
                _counted(delivery, share, port)
            with wired.wire.slow(bytes_per_second=200_000):
                _counted(delivery, share, port)
            delivery.deliver(share)
            wired.wire.reset()
            _counted(delivery, share, port)
            with wired.wire.cut():
                wait_until(lambda: not ready(port), "the worker says that it is not ready")
                assert not look("", port).accounts
            wait_until(lambda: ready(port), "the worker is ready again")
        delivery.deliver_all()
        delivery.end()
        wrong = wrong_figures(place, load, [port])
        assert process.terminate() == 0, process.output()
    saw(
        "connection delayed, throttled, reset, cut",
        broker=ON_KAFKA,
        rounds=rounds,
        connections_cut=wired.wire.cuts - before,
        wrong=len(wrong),
    )
    assert wired.wire.cuts - before > 2 * rounds
    assert wrong == []
    assert all("starting over in" in line for line in told(process)), told(process)


def _counted(delivery: Delivery, chunks: int, port: int) -> None:
    """Deliver, until the worker has moved on."""
    before = sum(look("", port).positions.values())
    delivery.deliver(chunks)
    wait_until(lambda: sum(look("", port).positions.values()) > before, "the worker counts on")


def test_a_broker_that_is_away_at_the_start_is_waited_for(
    place: Broker, wired: WiredKafka, tmp_path: Path
) -> None:
    load = hard_load(25, 5_000)
    config = configured(tmp_path, place, wired, load)
    wired.stop()
    port = free_port()
    with worker(config, port, name="worker") as process:
        wait_until(lambda: "Kafka does not answer" in process.output(), "the worker says what is wrong")
        assert get(f"http://127.0.0.1:{port}/healthz") is not None
        assert not ready(port)
        wired.start()
        wait_until(lambda: ready(port), "the worker is ready")
        with Delivery(place, load) as delivery:
            delivery.deliver_all()
            delivery.end()
        wrong = wrong_figures(place, load, [port])
        assert process.terminate() == 0, process.output()
    saw("broker away at the start", broker=ON_KAFKA, wrong=len(wrong))
    assert wrong == []
    lines = told(process)
    # A port may be open before anybody serves it.
    sentences = re.compile(r"(start it, or correct broker|it may be starting).*starting over in")
    assert all(sentences.search(line) for line in lines), lines
