"""Accounts of the board that are looked at together: a client's, a client's on one platform, a platform's."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from resonanz_dashboards.board_state import STALE_MS, BoardState
from resonanz_dashboards.entries import Entry
from resonanz_streams.aggregates.figures import Aggregate, aggregates
from resonanz_streams.aggregates.members import Member
from resonanz_streams.catalogue import known_kpis
from resonanz_streams.events import KpiSnapshot

DEEP_LAG_MS: Final = 3_600_000
"""Deep figures that are so much older than the others nobody tells any more, or far too seldom."""

_snapshots: Final = msgspec.json.Decoder(KpiSnapshot)


@dataclass(frozen=True, slots=True)
class Held:
    """What the board holds of an account at one moment, not decoded yet; ``age_ms``: see BoardState."""

    account: str
    client: str
    platform: str
    at_ms: int | None
    age_ms: int | None
    coverage: float | None
    values: tuple[bytes, bytes]

    @property
    def fresh(self) -> bool:
        """Whether its figures may stand for now."""
        return self.age_ms is not None and self.age_ms <= STALE_MS

    def snapshots(self) -> list[KpiSnapshot]:
        """What topics ``kpis`` and ``kpis.deep`` said last; without the first there is nothing."""
        value, deep = self.values
        if not value:
            return []
        told = _snapshots.decode(value)
        older = _snapshots.decode(deep) if deep else None
        return [told] if older is None or older.at_ms < told.at_ms - DEEP_LAG_MS else [told, older]

    def member(self) -> Member:
        """As groups are made of."""
        snapshots = self.snapshots()
        return Member(self.account, self.client, snapshots, fresh=self.fresh, deep=len(snapshots) > 1)


def held(board: BoardState, entries: Iterable[Entry]) -> list[Held]:
    """These accounts as they are now; client and platform are those of the configuration."""
    return [
        Held(
            it.account.id,
            it.account.client,
            it.account.platform,
            it.at_ms,
            board.age_ms(it),
            it.coverage,
            (it.value, it.deep),
        )
        for it in entries
    ]


def figures_of(groups: Sequence[Sequence[Held]], wants: Callable[[str, str], bool]) -> list[list[Aggregate]]:
    """The figures of each group, in any thread."""
    return aggregates([[it.member() for it in group] for group in groups], wants, known_kpis())
