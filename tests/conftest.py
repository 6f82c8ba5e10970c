"""What every folder of tests may ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import Broker, corner_of, delete_topics
from tests.kafka_server import KafkaServer, KafkaUnavailableError, must_run


def _kafka() -> KafkaServer:
    try:
        return KafkaServer()
    except KafkaUnavailableError as error:
        if must_run():
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    """An Apache Kafka that all tests share: it stays up, and each test has a topic prefix of its own."""
    with _kafka() as server:
        yield server


@pytest.fixture
def kafka_url(kafka_server: KafkaServer) -> str:
    """The shared Apache Kafka's URL."""
    return kafka_server.url


@pytest.fixture
def own_kafka() -> Iterator[KafkaServer]:
    """An Apache Kafka for this test alone, which may stop or kill it."""
    with _kafka() as server:
        yield server


@pytest.fixture
def kafka(kafka_url: str) -> Iterator[Broker]:
    """A corner of the shared Apache Kafka, without topics."""
    broker = corner_of(kafka_url)
    yield broker
    delete_topics(broker)


@pytest.fixture(params=["sqlite", "kafka"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Broker:
    """Each of the two brokers in turn, without topics."""
    if request.param == "kafka":
        found: Broker = request.getfixturevalue("kafka")
        return found
    return Broker(f"sqlite:///{tmp_path}/a log/größe.db", "")
