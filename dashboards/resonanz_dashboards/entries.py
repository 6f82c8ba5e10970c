"""What the board holds of one account."""

from collections.abc import Hashable
from dataclasses import dataclass, field

import msgspec

from resonanz_streams.events import KpiEntry
from resonanz_streams.registry import Account


class ConnectorState(msgspec.Struct, frozen=True):
    """What a connector last said about one account."""

    connector: str
    state: str
    at_ms: int
    complete_through_ms: int
    last_event_ms: int | None
    ended: bool


@dataclass(slots=True)
class Entry:
    """One account on the board. ``value`` is its latest snapshot as it came, empty if there is none; ``deep``
    that of topic ``kpis.deep``; ``benchmark``: how it does among others, as computed here.

    ``at_ms`` is the time of its figures, ``arrived_ms`` when this process read them, by the wall clock.
    ``encoded``: what viewers of this version were sent, by what they had asked for (see selection.py).
    """

    account: Account
    version: int = 0
    at_ms: int | None = None
    arrived_ms: int = 0
    coverage: float | None = None
    velocity: float | None = None
    value: bytes = b""
    deep: bytes = b""
    deep_at_ms: int | None = None
    benchmark: KpiEntry | None = None
    connectors: dict[str, ConnectorState] = field(default_factory=dict)
    encoded: dict[Hashable, bytes] = field(default_factory=dict)

    def clear(self) -> None:
        """Without figures, as before the first snapshot."""
        self.at_ms, self.coverage, self.velocity, self.value = None, None, None, b""
        self.deep, self.deep_at_ms, self.benchmark = b"", None, None
