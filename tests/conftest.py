"""What every folder of tests may ask for."""

from collections.abc import Iterator

import pytest

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
