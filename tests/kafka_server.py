"""A real Apache Kafka for tests and benches: ``with KafkaServer() as kafka: … kafka.url``.

``python -m tests.kafka_server`` fetches its jars into ``.kafka/`` (once; afterwards no network is needed).
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.processes import free_port, wait_until

ROOT: Final = Path(__file__).resolve().parent.parent
POM: Final = ROOT / "tests" / "broker" / "pom.xml"
PROPERTIES: Final = POM.with_name("server.properties")
INSTALL: Final = "apt-get install default-jre-headless maven"
_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_STARTED: Final = "Kafka Server started"


class KafkaUnavailableError(Exception):
    """Apache Kafka cannot be had here; the message says what to install."""


def fetch_jars(pom: Path = POM) -> Path:
    """The folder of the jars of ``pom`` (Kafka's by default), fetched by Maven if they are not there yet.

    Raises:
        KafkaUnavailableError: Java or Maven is missing, or Maven cannot fetch.
    """
    # The folder's name follows the versions asked for; it appears only when it is complete.
    jars = ROOT / ".kafka" / hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    if shutil.which("java") is None:
        raise KafkaUnavailableError(f"Apache Kafka needs Java; install it with: {INSTALL}")
    if jars.is_dir():
        return jars
    if shutil.which("mvn") is None:
        raise KafkaUnavailableError(f"Apache Kafka is fetched by Maven; install it with: {INSTALL}")
    jars.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent) as folder:
        fetching = Path(folder, "jars")
        done = subprocess.run(
            ["mvn", "-q", "-B", "-f", str(pom), _COPY, f"-DoutputDirectory={fetching}"],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            lines = (done.stdout + done.stderr).strip().splitlines()
            raise KafkaUnavailableError(f"Maven could not fetch Apache Kafka: {lines[0] if lines else '?'}")
        if not jars.is_dir():  # another process may have been faster
            fetching.rename(jars)
    return jars


class KafkaServer:
    """One broker on free loopback ports, its data in a temporary folder.

    ``stop`` and ``kill`` leave the data: ``start`` goes on with it, at the same address.

    Raises:
        KafkaUnavailableError: see :func:`fetch_jars`.
    """

    def __init__(self, heap_mb: int = 384) -> None:
        self._jars = fetch_jars()
        self._heap_mb = heap_mb
        self._folder = Path(tempfile.mkdtemp(prefix="kafka-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._port, self._controller = free_port(), free_port()
        self._write_properties()
        self._format()

    @property
    def url(self) -> str:
        """``kafka://127.0.0.1:PORT``."""
        return f"kafka://127.0.0.1:{self._port}"

    @property
    def log(self) -> Path:
        """What the broker printed, over all its starts."""
        return self._folder / "log.txt"

    def _write_properties(self) -> None:
        own = (
            f"listeners=PLAINTEXT://127.0.0.1:{self._port},CONTROLLER://127.0.0.1:{self._controller}\n"
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{self._port}\n"
            f"controller.quorum.voters=1@127.0.0.1:{self._controller}\n"
            f"log.dirs={self._folder}/data\n"
        )
        (self._folder / "server.properties").write_text(
            PROPERTIES.read_text() + own + self._more_properties()
        )

    def _more_properties(self) -> str:
        """For those that have more listeners: of lines with one name the last one holds."""
        return ""

    def _format_options(self) -> Sequence[str]:
        return ()

    def _command(self, main: str, *arguments: str) -> Sequence[str]:
        # Should this process be killed, Kafka must not stay behind. It is bound to the thread that starts it.
        lasting = threading.current_thread() is threading.main_thread()
        leash = ["setpriv", "--pdeathsig", "KILL"] if lasting and shutil.which("setpriv") else []
        return [
            *leash,
            "java",
            f"-Xmx{self._heap_mb}m",
            "-XX:+UseSerialGC",
            "-Xshare:auto",
            "-Dorg.apache.logging.log4j.level=INFO",
            "-cp",
            f"{self._jars}/*",
            main,
            *arguments,
        ]

    def _format(self) -> None:
        properties = str(self._folder / "server.properties")
        cluster = uuid.uuid4().hex[:22]
        self.tool(
            "kafka.tools.StorageTool", "format", "-t", cluster, "-c", properties, *self._format_options()
        )

    def tool(self, main: str, *arguments: str) -> None:
        """Run what one of Kafka's shell scripts would."""
        done = subprocess.run(
            self._command(main, *arguments), capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{main} failed: {done.stdout}{done.stderr}")

    def start(self) -> None:
        """Start it, if it does not run; returns once it serves."""
        if self._process is not None and self._process.poll() is None:
            return
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command("kafka.Kafka", str(self._folder / "server.properties")),
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
            )
        wait_until(lambda: self._serves(before), "Kafka has started", 120)

    def _serves(self, before: int) -> bool:
        text = self.log.read_bytes()[before:].decode(errors="replace")
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"Kafka ended at start: {text[-2000:]}")
        return _STARTED in text

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def must_run() -> bool:
    """In CI what is missing is a failure, elsewhere a skip that names the command."""
    return bool(os.environ.get("CI"))


def main() -> int:
    try:
        print(f"Apache Kafka is in {fetch_jars()}")
    except KafkaUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
