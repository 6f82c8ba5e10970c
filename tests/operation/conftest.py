"""What the tests of the image and of its services share: both are made once."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka_server import KafkaUnavailableError, must_run
from tests.operation import dockerfile
from tests.operation.stack import Stack, running_stack

PACKAGES = {"prometheus": "prometheus", "promtool": "prometheus", "docker-compose": "docker-compose"}


def program(name: str) -> str:
    """The path of a system program; a missing one is a failure in CI and a skip elsewhere."""
    path = shutil.which(name)
    if path is None:
        unavailable(f"{name} is missing; install it with: apt-get install {PACKAGES.get(name, name)}")
    return str(path)


def unavailable(sentence: str) -> None:
    """Fail in CI, skip elsewhere."""
    if must_run():
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the image's programs, built by the Dockerfile's own commands."""
    return dockerfile.build(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="session")
def stack(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The services of docker-compose.yml, on this machine; at the end all must go as they are told to."""
    for name in ("prometheus", "wget", "make"):
        program(name)
    try:
        with running_stack(tmp_path_factory.mktemp("stack"), image) as found:
            yield found
            found.stop()
    except KafkaUnavailableError as error:
        unavailable(str(error))


def run(*words: str | Path, text: str | None = None, folder: Path | None = None) -> tuple[int, str]:
    """Exit code, and all that was printed."""
    done = subprocess.run(
        words, input=text, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout + done.stderr
