"""One secured Apache Kafka for all tests of this folder."""

from collections.abc import Iterator

import pytest
from tests.kafka_secure import SecureKafka
from tests.kafka_server import KafkaUnavailableError, must_run


@pytest.fixture(scope="session")
def secure_kafka() -> Iterator[SecureKafka]:
    """It stays up; each test has a topic prefix of its own."""
    try:
        server = SecureKafka()
    except KafkaUnavailableError as error:
        if must_run():
            pytest.fail(str(error))
        pytest.skip(str(error))
    with server:
        yield server
