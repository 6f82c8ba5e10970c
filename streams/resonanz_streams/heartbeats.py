"""Heartbeats that speak of records which have not been read yet: they wait until they have."""

from collections.abc import Iterator, Mapping
from typing import Final

from resonanz_streams.coverage import CoverageBook
from resonanz_streams.events import Status
from resonanz_streams.topics import COUNTED_TOPICS

_PER_ACCOUNT: Final = 2


class Heartbeats:
    """Hands heartbeats to the coverage of one partition's accounts, each in its time.

    Of those of an account and connector that wait, the first and the newest are kept: the first is due
    soonest, so a connector that is always a little ahead starves nothing.
    """

    def __init__(self, coverage: CoverageBook, partition: int) -> None:
        self._coverage = coverage
        self._names = {topic: f"{topic}/{partition}" for topic in COUNTED_TOPICS}
        self._waiting: dict[tuple[str, str], list[Status]] = {}
        self._soonest: dict[str, int] = {}

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(len(statuses) for statuses in self._waiting.values())

    def told(self) -> Iterator[Status]:
        """All that were handed on and count still, and all that wait."""
        yield from self._coverage.statuses()
        for statuses in self._waiting.values():
            yield from statuses

    def take(self, status: Status, offsets: Mapping[str, int]) -> None:
        """Take a heartbeat; ``offsets`` are the next ones to read per topic."""
        if not self._coverage.knows(status.account):
            return
        missing = {
            topic: needed
            for topic, name in self._names.items()
            if (needed := status.published.get(name, 0)) > offsets.get(topic, 0)
        }
        if not missing:
            self._coverage.observe(status)
            return
        self._waiting.setdefault((status.connector, status.account), [])[_PER_ACCOUNT - 1 :] = [status]
        for topic, needed in missing.items():
            self._soonest[topic] = min(needed, self._soonest.get(topic, needed))

    def read(self, offsets: Mapping[str, int]) -> None:
        """Look again at what waits, now that records up to ``offsets`` have been read."""
        if not any(offsets.get(topic, 0) >= needed for topic, needed in self._soonest.items()):
            return
        waiting, self._waiting, self._soonest = self._waiting, {}, {}
        for statuses in waiting.values():
            for status in statuses:
                self.take(status, offsets)
