"""One secured Apache Kafka for all tests of this folder."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.kafka_secure import SecureKafka
from tests.kafka_server import KafkaUnavailableError, must_run

_numbers = itertools.count()
Configure = Callable[..., Path]


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


@pytest.fixture
def prefix() -> str:
    """Of topics that no other test uses."""
    return f"s{os.getpid()}-{next(_numbers)}."


@pytest.fixture
def configure(tmp_path: Path, prefix: str) -> Configure:
    """Writes the configuration of one part, which reaches the broker by its own URL."""
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef")

    def written(url: str, name: str = "resonanz") -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(
            f"broker: {url}\ntopic_prefix: {prefix}\ngroup: {prefix}g\npartitions: 2\ntick_seconds: 0.2\n"
            "pseudonym_key: file:key\n"
            "clients:\n  fleet:\n    name: Fleet\n    potential: 50\n    accounts:\n"
            "      - {id: 'simulated:a', connector: simulator}\n      - 'file:b'\n"
            "connectors:\n  simulator: {seed: 1, backfill_days: 1, incidents: []}\n"
        )
        return path

    return written
