"""How much of a window was watched: from the connectors' heartbeats, gaps left out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.events import Status
from resonanz_streams.steps import LAST_MS, Steps

GRACE_MS: Final = 15_000
"""A healthy connector's heartbeats lag a little; within this it counts as complete up to now. Else a
1 min window would be partial for ever."""

COMPLETE: Final = 0.95
"""The share from which on a window counts as watched."""

EARLIER_DAYS: Final = 27
"""Before a window of a day: with that day itself as many as what stands reaches back."""

_DAY_MS: Final = 86_400_000
_NEVER: Final = -(2**62)
"""Long before any now, without overflow in a difference to it."""

_UNWATCHED: Final = 2**62
"""Later than any time: an account without a connector holds nothing back."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class CoverageBook:
    """The newest heartbeat per (connector, account); several connectors of an account are united."""

    def __init__(self, accounts: Sequence[str]) -> None:
        self._rows = {account: row for row, account in enumerate(accounts)}
        self._statuses: list[dict[str, Status]] = [{} for _ in accounts]
        self._through = np.full(len(accounts), _UNWATCHED)
        self._running = np.zeros(len(accounts), dtype=np.bool_)
        self._steps: Steps | None = None
        self._open_from = np.full(len(accounts), _NEVER)
        self._counted_from = np.full(len(accounts), _NEVER)

    def knows(self, account: str) -> bool:
        """Whether it is one of the accounts."""
        return account in self._rows

    def count_from(self, account: str, at_ms: int) -> None:
        """Its events count from then on: what a connector watched before is not covered. A foreign account
        changes nothing."""
        if (row := self._rows.get(account)) is not None:
            self._counted_from[row] = at_ms

    def observe(self, status: Status) -> None:
        """Take a heartbeat; an older one than the known changes nothing, nor does a foreign account."""
        row = self._rows.get(status.account)
        if row is None:
            return
        statuses = self._statuses[row]
        known = statuses.get(status.connector)
        if known is None or known.at_ms <= status.at_ms:
            statuses[status.connector] = status
            self._through[row] = max(_in_time(one.complete_through_ms) for one in statuses.values())
            self._running[row] = not all(one.ended for one in statuses.values())
            self._steps = None

    def statuses(self) -> Iterator[Status]:
        """The newest heartbeats, account by account."""
        for statuses in self._statuses:
            yield from statuses.values()

    def complete_through(self) -> int | None:
        """Everything up to here has been published for every account that has a connector.

        What has ended waits for nobody and holds nobody back; when all have ended, the last end counts.
        """
        if self._running.any():
            return int(self._through[self._running].min())
        ends = self._through[self._through != _UNWATCHED]
        return int(ends.max()) if len(ends) else None

    @property
    def ended(self) -> bool:
        """Whether there were connectors, and all of them have said that nothing more will come."""
        return not self._running.any() and bool((self._through != _UNWATCHED).any())

    def share(
        self, now_ms: int, starts: Mapping[str, int], *, known_from_ms: int = _NEVER
    ) -> dict[str, Floats]:
        """See :meth:`between`; per window of (starts[window], now]."""
        watched, end = self.between(now_ms, known_from_ms=known_from_ms), np.full(len(self._statuses), now_ms)
        return {window: watched(np.full_like(end, start), end) for window, start in starts.items()}

    def between(self, now_ms: int, *, known_from_ms: int = _NEVER) -> Callable[[Ints, Ints], Floats]:
        """A function that gives, as of now and in any thread, of each account the covered share, 0 to 1, of
        its (begin, end], which ends by now; what lies before ``known_from_ms`` is not covered, since the
        ledger has forgotten it, nor what lies before the account counted."""
        steps = self._newest()
        open_from = self._open_from.copy()
        fresh = now_ms - open_from <= GRACE_MS
        _, until_now = steps.integrals(np.full(len(open_from), now_ms))
        first = self._first(known_from_ms)

        def watched(begin_ms: Ints, end_ms: Ints) -> Floats:
            begin = np.minimum(np.maximum(begin_ms, first), end_ms)
            after = until_now if (end_ms == now_ms).all() else steps.integrals(end_ms)[1]
            _, before = steps.integrals(begin)
            late = np.where(fresh, np.maximum(0, end_ms - np.maximum(open_from, begin)), 0)
            share: Floats = np.minimum(1.0, (after - before + late) / (end_ms - begin_ms))
            return share

        return watched

    def days(
        self, now_ms: int, starts: Mapping[str, int], *, known_from_ms: int = _NEVER
    ) -> Callable[[str], Flags]:
        """A function that says, in any thread, whether a window (starts[window], now] was watched as it was
        1 … EARLIER_DAYS days ago: shape (accounts, EARLIER_DAYS)."""
        steps, accounts, first = self._newest(), len(self._statuses), self._first(known_from_ms)

        def watched_until(at_ms: Ints) -> Ints:
            return steps.integrals(at_ms)[0]

        def watched(window: str) -> Flags:
            found = np.zeros((accounts, EARLIER_DAYS), dtype=np.bool_)
            for day in range(1, EARLIER_DAYS + 1):
                begin, end = starts[window] - day * _DAY_MS, now_ms - day * _DAY_MS
                if end > known_from_ms:
                    begins = np.minimum(np.maximum(first, begin), end)
                    covered = watched_until(np.full(accounts, end)) - watched_until(begins)
                    found[:, day - 1] = covered >= COMPLETE * (end - begin)
            return found

        return watched

    def _first(self, known_from_ms: int) -> Ints:
        """Before it nothing of an account is covered."""
        first: Ints = np.maximum(self._counted_from, known_from_ms)
        return first

    def _newest(self) -> Steps:
        self._steps = self._steps or self._rebuild()
        return self._steps

    def _rebuild(self) -> Steps:
        for row, statuses in enumerate(self._statuses):
            through = [
                _in_time(status.complete_through_ms)
                for status in statuses.values()
                if status.state == "ok" and not status.ended
            ]
            self._open_from[row] = max(through, default=_NEVER)
        pieces = [_covered(list(statuses.values())) for statuses in self._statuses]
        flat = np.array([piece for part in pieces for piece in part], dtype=np.int64).reshape(-1, 2)
        start, length = flat[:, 0], flat[:, 1] - flat[:, 0]
        return Steps([len(part) for part in pieces], start, length, np.ones_like(length))


def _in_time(at_ms: int) -> int:
    """Heartbeats come from programs of others: a time that none can be must not spoil their neighbours."""
    return int(min(max(at_ms, 0), LAST_MS))


def _covered(statuses: Sequence[Status]) -> list[tuple[int, int]]:
    """Disjoint intervals that at least one connector watched completely."""
    pieces: list[tuple[int, int]] = []
    for status in statuses:
        start, through = _in_time(status.since_ms), _in_time(status.complete_through_ms)
        for gap_from, gap_to in sorted(status.gaps):
            if gap_from < gap_to:
                pieces.append((start, min(gap_from, through)))
                start = max(start, gap_to)
        pieces.append((start, through))
    united: list[tuple[int, int]] = []
    for start, end in sorted(piece for piece in pieces if piece[1] > piece[0]):
        if united and start <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], end))
        else:
            united.append((start, end))
    return united


def packed(days: Flags) -> Ints:
    """Per account one number: bit i says it of i + 1 days ago."""
    numbers: Ints = days @ (1 << np.arange(EARLIER_DAYS, dtype=np.int64))
    return numbers


def unpacked(numbers: Ints) -> Flags:
    """What was packed."""
    flags: Flags = (numbers[:, None] >> np.arange(EARLIER_DAYS)) & 1 > 0
    return flags
