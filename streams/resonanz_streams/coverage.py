"""How much of a window was watched: from the connectors' heartbeats, gaps left out."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.events import Status
from resonanz_streams.steps import Steps

GRACE_MS: Final = 15_000
"""A healthy connector's heartbeats lag a little; within this it counts as complete up to now. Else a
1 min window would be partial for ever."""

_NEVER: Final = -(2**62)
"""Long before any now, without overflow in a difference to it."""

Floats = NDArray[np.float64]


class CoverageBook:
    """The newest heartbeat per (connector, account); several connectors of an account are united."""

    def __init__(self, accounts: Sequence[str]) -> None:
        self._rows = {account: row for row, account in enumerate(accounts)}
        self._statuses: list[dict[str, Status]] = [{} for _ in accounts]
        self._steps: Steps | None = None
        self._open_from = np.full(len(accounts), _NEVER)

    def observe(self, status: Status) -> None:
        """Take a heartbeat; an older one than the known changes nothing, nor does a foreign account."""
        row = self._rows.get(status.account)
        if row is None:
            return
        known = self._statuses[row].get(status.connector)
        if known is None or known.at_ms <= status.at_ms:
            self._statuses[row][status.connector] = status
            self._steps = None

    def complete_through(self) -> int | None:
        """Everything up to here has been published for every account that has a connector."""
        marks = [
            max(status.complete_through_ms for status in statuses.values())
            for statuses in self._statuses
            if statuses
        ]
        return min(marks, default=None)

    def share(self, now_ms: int, starts: Mapping[str, int]) -> dict[str, Floats]:
        """Per window the covered share, 0 to 1, of (starts[window], now]."""
        steps = self._steps = self._steps or self._rebuild()
        accounts = len(self._statuses)
        _, until_now = steps.integrals(np.full(accounts, now_ms))
        fresh = now_ms - self._open_from <= GRACE_MS
        shares = {}
        for window, start in starts.items():
            _, before = steps.integrals(np.full(accounts, start))
            late = np.where(fresh, np.maximum(0, now_ms - np.maximum(self._open_from, start)), 0)
            shares[window] = np.minimum(1.0, (until_now - before + late) / (now_ms - start))
        return shares

    def _rebuild(self) -> Steps:
        for row, statuses in enumerate(self._statuses):
            through = [
                status.complete_through_ms
                for status in statuses.values()
                if status.state == "ok" and not status.ended
            ]
            self._open_from[row] = max(through, default=_NEVER)
        return Steps([_covered(list(statuses.values())) for statuses in self._statuses])


def _covered(statuses: Sequence[Status]) -> list[tuple[int, int, int]]:
    """Disjoint (start, length, 1) segments that at least one connector watched completely."""
    pieces: list[tuple[int, int]] = []
    for status in statuses:
        start = status.since_ms
        for gap_from, gap_to in sorted(status.gaps):
            pieces.append((start, min(gap_from, status.complete_through_ms)))
            start = max(start, gap_to)
        pieces.append((start, status.complete_through_ms))
    united: list[list[int]] = []
    for start, end in sorted(piece for piece in pieces if piece[1] > piece[0]):
        if united and start <= united[-1][1]:
            united[-1][1] = max(united[-1][1], end)
        else:
            united.append([start, end])
    return [(start, end - start, 1) for start, end in united]
