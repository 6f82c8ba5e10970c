"""docker-compose.yml without Docker: its own commands, on this machine's addresses, ports and folders."""

import contextlib
import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.operation import compose, dockerfile
from tests.operation.composed_kafka import ComposedKafka
from tests.operation.dockerfile import ROOT
from tests.processes import Process, free_port, wait_until

DEMO: Final = ROOT / "streams" / "resonanz_streams" / "demo" / "agency-kafka.yaml"
SECRETS: Final = "/run/secrets"


@dataclass
class Stack:
    """``processes``: by service, one for each replica, with its port (0: it listens nowhere)."""

    folder: Path
    programs: Path
    kafka: ComposedKafka
    processes: dict[str, list[tuple[Process, int]]] = field(default_factory=dict)

    @property
    def etc(self) -> Path:
        """Where the services are started: it holds their configuration."""
        return self.folder / "etc"

    @property
    def secrets(self) -> Path:
        """The folder that ``make secrets`` has made."""
        return self.folder / "secrets"

    @property
    def token(self) -> str:
        """The agency's."""
        return (self.secrets / "agency_token").read_text()

    def ports(self, service: str) -> list[int]:
        """Of all its replicas."""
        return [port for _, port in self.processes[service]]

    def configure(self) -> None:
        """Secrets and configuration, with this machine's addresses and folders."""
        make = ["make", "-C", str(self.folder), "-f", str(ROOT / "Makefile"), "secrets"]
        subprocess.run(make, check=True, capture_output=True, timeout=60)
        self.etc.mkdir()
        text = self.here(DEMO.read_text())
        (self.etc / "resonanz.yaml").write_text(
            text.replace("kafka://kafka:9092", self.kafka.url).replace(
                "kafka://127.0.0.1", "kafka://127.0.0.1"
            )
        )

    def here(self, text: str) -> str:
        """With the secrets' folder of this machine."""
        return text.replace(SECRETS, str(self.secrets))

    def once(self, service: str) -> subprocess.CompletedProcess[str]:
        """Run a service that ends."""
        return subprocess.run(
            [self.programs / "resonanz", *compose.command(service)],
            cwd=self.etc,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, service: str, running: contextlib.ExitStack) -> None:
        """Start all replicas of a service of our image."""
        replicas = compose.SERVICES[service].get("deploy", {}).get("replicas", 1)
        for number in range(replicas):
            words = compose.command(service)
            port = free_port() if "--host" in words else 0
            log = self.folder / f"{service}-{number}.log"
            arguments = [*words, *(["--port", str(port)] if port else [])]
            process = Process(arguments, log, cwd=self.etc, program=[str(self.programs / "resonanz")])
            self.processes.setdefault(service, []).append((running.enter_context(process), port))

    def healthy(self, service: str) -> bool:
        """Whether its own health check passes, for each replica."""
        words = compose.health_check(service) or dockerfile.health_check()
        return all(self._passes(words, port) for port in self.ports(service))

    def _passes(self, words: Sequence[str], port: int) -> bool:
        shown = [re.sub(r"(127\.0\.0\.1):\d+", rf"\1:{port}", word) for word in words]
        program = self.programs / shown[0]
        done = subprocess.run(
            [program if program.exists() else shown[0], *shown[1:]],
            capture_output=True,
            timeout=30,
            check=False,
        )
        return done.returncode == 0

    def stop(self) -> None:
        """As compose does it: SIGTERM, then only so much patience; the last that was started goes first."""
        for service in reversed(compose.ours()):
            for process, _ in self.processes.get(service, ()):
                seconds = int(str(compose.SERVICES[service]["stop_grace_period"]).removesuffix("s"))
                assert process.terminate(seconds) == 0, f"{service}: {process.output()}"
                assert "Traceback" not in process.output(), f"{service}: {process.output()}"
        # The root file system is read-only: whoever wrote beside the configuration would fail there.
        assert [path.name for path in self.etc.iterdir()] == ["resonanz.yaml"]

    def start_prometheus(self, running: contextlib.ExitStack) -> None:
        """With the very flags and the very prometheus.yml; workers' addresses stand in workers/here.yml."""
        folder = self.folder / "prometheus"
        (folder / "workers").mkdir(parents=True)
        config = folder / "prometheus.yml"
        config.write_text(self.here((ROOT / "dashboards" / "prometheus" / "prometheus.yml").read_text()))
        targets = [f"127.0.0.1:{port}" for port in self.ports("worker")]
        (folder / "workers" / "here.yml").write_text(json.dumps([{"targets": targets}]))
        port = free_port()
        moved = {"/etc/prometheus": str(folder), "/prometheus": str(self.folder / "tsdb")}
        words = compose.command("prometheus")
        for there, here in moved.items():
            words = [word.replace(f"={there}", f"={here}") for word in words]
        process = Process(
            [*words, f"--web.listen-address=127.0.0.1:{port}"],
            self.folder / "prometheus.log",
            program=["prometheus"],
        )
        self.processes["prometheus"] = [(running.enter_context(process), port)]

    def ask_prometheus(self, path: str, **parameters: str) -> Any:
        """The ``data`` of an answer of its API.

        Raises:
            urllib.error.HTTPError: it does not understand the query.
        """
        (port,) = self.ports("prometheus")
        address = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)["data"]

    def scrape(self, port: int) -> str:
        """A worker's metrics, as Prometheus gets them."""
        request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics")
        request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read().decode())


@contextlib.contextmanager
def running_stack(folder: Path, programs: Path) -> Iterator[Stack]:
    """All of docker-compose.yml but Grafana, healthy, in the order of what waits for what."""
    with contextlib.ExitStack() as running:
        kafka = running.enter_context(ComposedKafka(heap_mb=512))
        stack = Stack(folder, programs, kafka)
        stack.configure()
        for service in compose.ours():
            if compose.SERVICES[service]["restart"] == "no":
                done = stack.once(service)
                assert done.returncode == 0, done.stderr
            else:
                stack.start(service, running)
        stack.start_prometheus(running)
        for service in ("worker", "wall", "prometheus"):
            wait_until(lambda service=service: stack.healthy(service), f"{service} is healthy", 120)  # type: ignore[misc]
        yield stack
