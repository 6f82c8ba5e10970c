"""What a measured process says of itself, as lines of JSON. Peers live in environments of their own, so this
needs the standard library alone.
"""

import json
import os
import sys
import time
from typing import Any, Final

MARK: Final = "bench "


def tell(what: str, **figures: Any) -> None:
    """Print what was found."""
    sys.stdout.write(f"{MARK}{json.dumps({'what': what, **figures})}\n")
    sys.stdout.flush()


def cpu_seconds() -> float:
    """CPU time of this process, all its threads, and its children that have ended."""
    return sum(os.times()[:4])


class Watch:
    """Measures from the first :meth:`start` to the first :meth:`stop`; later ones change nothing."""

    def __init__(self) -> None:
        self._begun: tuple[float, float] | None = None
        self._told = False

    def start(self) -> None:
        """The first event is here."""
        if self._begun is None:
            self._begun = time.perf_counter(), cpu_seconds()

    def stop(self, events: int, counted: int) -> None:
        """All ``events`` are through; ``counted`` of them were not dropped."""
        if self._told or self._begun is None:
            return
        self._told = True
        seconds, cpu = time.perf_counter() - self._begun[0], cpu_seconds() - self._begun[1]
        tell("round", round={"events": events, "seconds": seconds, "cpu_seconds": cpu, "counted": counted})
