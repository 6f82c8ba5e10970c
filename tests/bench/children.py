"""Processes that are measured: each measures itself and tells what it found (tests/bench/telling.py)."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from tests.bench.figures import Round
from tests.bench.telling import MARK
from tests.processes import Process, free_port, wait_until

OURS: Final = (sys.executable, "-W", "default")
PATIENCE_SECONDS: Final = 240.0


def module(name: str) -> list[str]:
    """The arguments that run a module of the bench."""
    return ["-m", f"tests.bench.{name}"]


class Child(Process):
    """A measured process. ``name``: of its log."""

    def __init__(
        self, name: str, arguments: Sequence[str], folder: Path, program: Sequence[str] = OURS
    ) -> None:
        number = len(list(folder.glob("*.log")))
        super().__init__(arguments, folder / f"{number}-{name}.log", program=program)

    def told(self, what: str) -> list[dict[str, Any]]:
        """All that it has told of this kind.

        Raises:
            AssertionError: it has ended otherwise than well; the message is what it printed.
        """
        output = self.output()
        if self.process.poll():
            raise AssertionError(f"{self.log.stem} ended with {self.process.returncode}: {output[-2000:]}")
        # Of a line that is just being written only a part may be there.
        found = [
            msgspec.json.decode(line.removeprefix(MARK))
            for line in output.splitlines(keepends=True)
            if line.startswith(MARK) and line.endswith("\n")
        ]
        return [one for one in found if one["what"] == what]

    def wait_for(self, what: str, count: int = 1, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait until it has told this ``count`` times; returns the last."""
        wait_until(lambda: len(self.told(what)) >= count, f"{self.log.stem} tells {what}", seconds)
        return self.told(what)[-1]

    def ask(self) -> dict[str, Any]:
        """The stalls of its event loop; see :mod:`tests.bench.timed_worker`."""
        return self._asked(signal.SIGUSR1, "stalls")

    def progress(self) -> dict[str, Any]:
        """How far it is; see :mod:`tests.bench.timed_worker`."""
        return self._asked(signal.SIGUSR2, "progress")

    def _asked(self, number: signal.Signals, what: str) -> dict[str, Any]:
        count = len(self.told(what))
        os.kill(self.process.pid, number)
        return self.wait_for(what, count + 1, 30)

    def memory_mb(self) -> tuple[float, float]:
        """Resident memory now, and its peak."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        sizes = dict(line.split(":", 1) for line in text.splitlines() if line.startswith("Vm"))
        return tuple(int(sizes[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]


class WorkerChild(Child):
    """The real worker, timed. ``records``: how many the topics hold."""

    def __init__(self, config: Path, records: int, folder: Path) -> None:
        self.port = free_port()
        arguments = ["--config", str(config), "--port", str(self.port), "--records", str(records)]
        super().__init__("worker", [*module("timed_worker"), *arguments], folder)

    def __enter__(self) -> Self:
        return self


def measured_child(name: str, arguments: Sequence[str], folder: Path, program: Sequence[str] = OURS) -> Round:
    """Run a child until it has told its round."""
    with Child(name, arguments, folder, program) as child:
        return msgspec.convert(child.wait_for("round")["round"], Round)
