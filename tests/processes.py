"""Real processes for tests: started, asked, killed by their id, never left behind."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from prometheus_client.parser import text_string_to_metric_families

T = TypeVar("T")
DEADLINE_SECONDS = 60.0


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], T | None], what: str, seconds: float = DEADLINE_SECONDS) -> T:
    """Ask every 50 ms until the answer is true; its failure names what was waited for."""
    end = time.monotonic() + seconds
    pause = 0.05
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(pause)
    raise AssertionError(f"waited {seconds:.0f} s in vain until {what}")


class Process:
    """A child process whose output goes to a file; killed, with what it started in its session, at the end
    of the ``with`` block. ``program`` is Python by default, ``environment`` this process's."""

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        cwd: Path | None = None,
        program: Sequence[str] = (sys.executable, "-W", "default"),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._file = log.open("ab")
        self.log = log
        self.process = subprocess.Popen(
            [*program, *arguments],
            stdout=self._file,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=environment,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self._file.close()

    def terminate(self, seconds: float = 15.0) -> int:
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)

    def output(self) -> str:
        """Everything printed so far."""
        return self.log.read_text(errors="replace")


def get(url: str) -> str | None:
    """The body of an answer with status 200, else None; also when the other side dies halfway."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, OSError, http.client.HTTPException):
        return None


def samples(port: int, name: str) -> dict[tuple[str, ...], float] | None:
    """The samples of a metric by their label values, in the order of the label names; None if away."""
    text = get(f"http://127.0.0.1:{port}/metrics")
    if text is None:
        return None
    return {
        tuple(sample.labels[label] for label in sorted(sample.labels)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }
