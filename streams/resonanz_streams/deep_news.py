"""What topic ``kpis.deep`` is told of each account: when its figures are others, or at least now and then."""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from resonanz_streams.deep import DeepFigures
from resonanz_streams.events import KpiSnapshot, encode
from resonanz_streams.registry import Account

REFRESH_MS: Final = 300_000
"""An account whose figures do not change is told again after this: they are as of a later time."""

_LEAST_BYTES: Final = 2**20
_FLUSHES: Final = 8
"""Into so many flushes records are divided, if they are many: a transaction stays small."""


class DeepRecord(NamedTuple):
    """An account's row, what its figures are told apart by, as of when they are, and the JSON."""

    row: int
    mark: int
    at_ms: int
    value: bytes


class DeepNews:
    """Of one partition. ``every_tick``: everything is told whenever time moved, and at once."""

    def __init__(self, accounts: Sequence[Account], *, every_tick: bool) -> None:
        self.accounts = accounts
        self._every_tick = every_tick
        self._told: dict[int, tuple[int, int]] = {}
        self._waiting: deque[DeepRecord] = deque()
        self._most_bytes = 0

    def of(self, figures: DeepFigures) -> list[DeepRecord]:
        """The records of those whose figures are not what was told last; in any thread."""
        arranged, coverage = figures.arranged(), figures.coverage["24h"]
        records = []
        for row, account in enumerate(self.accounts):
            people = figures.actors.get(row, {})
            # Others may be as many.
            mark = hash((arranged.mark(row), *(msgspec.structs.astuple(each) for each in people.values())))
            if not self._is_due(row, mark, figures.at_ms):
                continue
            snapshot = KpiSnapshot(
                at_ms=figures.at_ms,
                client=account.client,
                platform=account.platform,
                account=account.id,
                coverage=float(coverage[row]),
                kpis=arranged.entries(row),
                read=figures.read,
                actors=people or msgspec.UNSET,
                days={window: int(packed[row]) for window, packed in figures.days.items()} or msgspec.UNSET,
            )
            records.append(DeepRecord(row, mark, figures.at_ms, encode(snapshot)))
        return records

    def _is_due(self, row: int, mark: int, at_ms: int) -> bool:
        before, told_ms = self._told.get(row, (None, 0))
        return before != mark or at_ms - told_ms >= (1 if self._every_tick else REFRESH_MS)

    def wait(self, records: Sequence[DeepRecord]) -> None:
        """Tell these with the next flushes, instead of what still waits: they are newer."""
        self._waiting = deque(records)
        held = sum(len(record.value) for record in records)
        self._most_bytes = held if self._every_tick else max(_LEAST_BYTES, held // _FLUSHES)

    def take(self) -> list[tuple[bytes, bytes]]:
        """(key, JSON) of what goes into one flush; it counts as told."""
        taken, held = [], 0
        while self._waiting and held <= self._most_bytes:
            row, mark, at_ms, value = self._waiting.popleft()
            self._told[row] = mark, at_ms
            held += len(value)
            taken.append((self.accounts[row].id.encode(), value))
        return taken
