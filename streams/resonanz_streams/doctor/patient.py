"""What the checks look at."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from resonanz_streams.clock import Clock, wall_ms
from resonanz_streams.doctor.exam import Exam
from resonanz_streams.events import Status
from resonanz_streams.registry import Registry
from resonanz_streams.settings import Settings
from resonanz_streams.topics import STATUS
from resonanz_streams.unreadable import UNREADABLE

_RECORDS = 20_000
_decoder = msgspec.json.Decoder(Status)


@dataclass(frozen=True)
class Patient:
    """``connectors``: those that should run. ``ports``: where this machine's worker and wall listen.
    ``listen_seconds``: how long a next heartbeat may be waited for."""

    settings: Settings
    registry: Registry
    exam: Exam
    connectors: Sequence[str] = ()
    ports: Sequence[tuple[str, int]] = ()
    clock: Clock = wall_ms
    listen_seconds: float = 11.0

    @cached_property
    def statuses(self) -> dict[str, Status]:
        """The newest heartbeat of each connector and account; what cannot be read is left out."""
        return self._read()

    def _read(self) -> dict[str, Status]:
        newest: dict[str, Status] = {}
        for record in self.exam.newest(STATUS, _RECORDS):
            try:
                status = _decoder.decode(record.value or b"")
            except UNREADABLE:
                continue
            newest[f"{status.connector}/{status.account}"] = status
        return newest

    def next_heartbeat_ms(self) -> int | None:
        """When a connector's clock stood at its next heartbeat, or None if none comes in time."""
        before = max((status.at_ms for status in self.statuses.values()), default=0)
        until = time.monotonic() + self.listen_seconds
        while time.monotonic() < until:
            newest = max((status.at_ms for status in self._read().values()), default=0)
            if newest != before:
                return newest
            time.sleep(0.5)
        return None
