"""Apache Kafka as docker-compose.yml sets it up: its image's own program writes the properties."""

import os
import subprocess
from typing import Final

from tests.kafka_server import KafkaServer
from tests.operation.compose import SERVICES
from tests.processes import free_port

WRAPPER: Final = "kafka.docker.KafkaDockerWrapper"


class ComposedKafka(KafkaServer):
    """Only addresses, ports and folders differ from what the container would have."""

    def _write_properties(self) -> None:
        """Writes them and formats the storage, as the image does at its start."""
        defaults, mounted = self._folder / "defaults", self._folder / "mounted"
        mounted.mkdir()
        defaults.mkdir()
        for name in ("server.properties", "log4j2.yaml", "tools-log4j2.yaml"):
            (defaults / name).touch()
        done = subprocess.run(
            self._command(WRAPPER, "setup", "-D", str(defaults), "-M", str(mounted), "-F", str(self._folder)),
            env=os.environ | self._environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def properties(self) -> str:
        """What the broker was started with."""
        return (self._folder / "server.properties").read_text()

    def _format(self) -> None:
        """Done already."""

    def _environment(self) -> dict[str, str]:
        """The service's variables with this machine's addresses."""
        given = {name: str(value) for name, value in SERVICES["kafka"]["environment"].items()}
        here, controller = f"127.0.0.1:{self._port}", f"127.0.0.1:{free_port()}"
        return given | {
            "KAFKA_LISTENERS": f"PLAINTEXT://{here},CONTROLLER://{controller}",
            "KAFKA_ADVERTISED_LISTENERS": given["KAFKA_ADVERTISED_LISTENERS"].replace("kafka:9092", here),
            "KAFKA_CONTROLLER_QUORUM_VOTERS": f"1@{controller}",
            "KAFKA_LOG_DIRS": str(self._folder / "data"),
        }
