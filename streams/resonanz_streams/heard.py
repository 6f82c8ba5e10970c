"""The connectors' heartbeats as a worker hears them, of all accounts, its own and others'."""

from collections import Counter

from resonanz_streams.clock import Clock
from resonanz_streams.events import Status
from resonanz_streams.heartbeat_sense import believable, newly_missed_ms


class Heard:
    """``statuses``: the newest heartbeat per (connector, account); ``missed_ms``: what their gaps come to
    since this worker listens."""

    def __init__(self, clock: Clock) -> None:
        self.statuses: dict[tuple[str, str], Status] = {}
        self.missed_ms: Counter[tuple[str, str]] = Counter()
        self._clock = clock

    def take(self, status: Status) -> Status | None:
        """What is to be believed of a heartbeat; None of one older than what is known."""
        status = believable(status, self._clock())
        key = (status.connector, status.account)
        known = self.statuses.get(key)
        if known is not None and known.at_ms > status.at_ms:
            return None
        self.missed_ms[key] += newly_missed_ms(known.gaps if known else (), status.gaps)
        self.statuses[key] = status
        return status
