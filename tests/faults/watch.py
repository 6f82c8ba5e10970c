"""Watching a fleet of workers through /metrics: who exports which account, how far each partition is."""

import itertools
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from types import TracebackType
from typing import Final, Self

from tests.processes import get

_ACCOUNT: Final = re.compile(r'^resonanz_account_info\{.*?account="([^"]+)"', re.MULTILINE)
_POSITION: Final = re.compile(r'^resonanz_position\{partition="(\d+)",topic="(\w+)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Look:
    """One answer of a worker; ``began`` and ``ended`` on the monotonic clock. ``ready`` before and after.

    ``positions`` by (topic, partition).
    """

    worker: str
    began: float
    ended: float
    ready: bool
    accounts: frozenset[str]
    positions: Mapping[tuple[str, int], float]


def look(worker: str, port: int) -> Look:
    """Ask once; a worker that does not answer exports nothing and is not ready."""
    address = f"http://127.0.0.1:{port}"
    ready = get(f"{address}/readyz") is not None
    began = time.monotonic()
    text = get(f"{address}/metrics") or ""
    ended = time.monotonic()
    return Look(
        worker,
        began,
        ended,
        ready and get(f"{address}/readyz") is not None,
        frozenset(_ACCOUNT.findall(text)),
        {(topic, int(number)): float(at) for number, topic, at in _POSITION.findall(text)},
    )


class Watch:
    """Asks every worker that it was told of, ten times a second, each in a thread of its own."""

    def __init__(self) -> None:
        self._looks: list[Look] = []
        self._lock = threading.Lock()
        self._left: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []
        self._published: list[float] = []

    def join(self, worker: str, port: int) -> None:
        """Watch this one too."""
        left = self._left[worker] = threading.Event()
        thread = threading.Thread(target=self._ask, args=(worker, port, left), daemon=True)
        self._threads.append(thread)
        thread.start()

    def leave(self, worker: str) -> None:
        """It is to end: it need no longer be ready."""
        self._left.pop(worker).set()

    def published(self) -> None:
        """Something for every partition stands in the log since now."""
        self._published.append(time.monotonic())

    def _ask(self, worker: str, port: int, left: threading.Event) -> None:
        while not left.wait(0.1):
            found = look(worker, port)
            with self._lock:
                self._looks.append(found)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for left in self._left.values():
            left.set()
        for thread in self._threads:
            thread.join()

    # -- what was seen -------------------------------------------------------------------------------

    def looks(self) -> list[Look]:
        """All so far."""
        with self._lock:
            return list(self._looks)

    def newest(self) -> dict[str, Look]:
        """The newest of each worker that is still watched."""
        return {one.worker: one for one in self.looks() if one.worker in self._left}

    def exported_twice(self) -> list[tuple[str, str, str]]:
        """(account, worker, worker) where both exported it at one moment.

        A worker exported an account from the end of its first look of a series of looks that show it to
        the beginning of the last: an instant of the other one's series in there is one too many.
        """
        spans: dict[str, list[tuple[float, float, str]]] = {}
        for account, worker, first, last in self._spans():
            spans.setdefault(account, []).append((first.ended, last.began, worker))
        return [
            (account, one[2], other[2])
            for account, found in spans.items()
            for one, other in itertools.combinations(sorted(found), 2)
            if one[2] != other[2] and max(one[0], other[0]) < min(one[1], other[1])
        ]

    def _spans(self) -> Iterator[tuple[str, str, Look, Look]]:
        looks = sorted(self.looks(), key=lambda one: one.began)
        for worker in {one.worker for one in looks}:
            since: dict[str, tuple[Look, Look]] = {}
            for one in [one for one in looks if one.worker == worker]:
                for account in since.keys() - one.accounts:
                    yield (account, worker, *since.pop(account))
                since |= {account: (since.get(account, (one, one))[0], one) for account in one.accounts}
            for account, (first, last) in since.items():
                yield account, worker, first, last

    def together(self, workers: Sequence[str], since: float) -> list[frozenset[str]]:
        """What ``workers`` exported in all at each moment when all were ready.

        A moment is a look of the first, with the looks of each other that ended last before it and began
        first after it: all ready, and showing the same on both sides. In between something moves.
        """
        by_worker = {
            name: [one for one in self.looks() if one.worker == name and one.began > since]
            for name in workers
        }
        found = []
        for one in by_worker[workers[0]]:
            around = [_around(one, by_worker[name]) for name in workers[1:]]
            pairs = [pair for pair in around if pair is not None]
            if not one.ready or len(pairs) < len(around):
                continue
            if all(a.ready and b.ready and a.accounts == b.accounts for a, b in pairs):
                found.append(one.accounts.union(*(pair[0].accounts for pair in pairs)))
        return found

    def stalls(self, partition: int, since: float, until: float) -> float:
        """The longest time in which ``partition`` did not advance although events were waiting."""
        reached, longest = -1.0, 0.0
        moved = since
        for one in sorted(self.looks(), key=lambda one: one.ended):
            at = sum(offset for (_, number), offset in one.positions.items() if number == partition)
            if at <= reached:
                continue
            reached = at
            if since < one.ended <= until:
                waiting = next((at for at in self._published if at > moved), one.ended)
                longest = max(longest, one.ended - waiting)
            moved = max(one.ended, since)
        return longest


def _around(one: Look, others: Sequence[Look]) -> tuple[Look, Look] | None:
    before = [other for other in others if other.ended <= one.began]
    after = [other for other in others if other.began >= one.ended]
    return (before[-1], after[0]) if before and after else None


def middle(figures: Sequence[float]) -> float:
    """The median; 0 of none."""
    return float(median(figures)) if figures else 0.0
