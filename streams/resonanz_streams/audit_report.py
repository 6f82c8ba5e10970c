"""What an audit found."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from resonanz_streams.kpis.base import WINDOWS

MOST_DIFFERENCES: Final = 10_000
"""More are counted, and not kept one by one."""

Source = Literal["state", "kpis"]


class Difference(msgspec.Struct, frozen=True):
    """One figure that is not what the log says. ``at_ms``: as of when. ``where``: records that make the
    difference, as topic/partition@offset, or the range in which they stand."""

    account: str
    source: Source
    window: str
    figure: str
    live: float | str | None
    recomputed: float | str | None
    partition: int
    at_ms: int
    where: str


@dataclass
class Report:
    """``figures``: how many were compared. ``unchecked``: of (source, window, reason) the number of accounts
    whose window could not be compared. ``missing``: what could not be compared at all, and why."""

    accounts: set[str] = field(default_factory=set)
    figures: int = 0
    differ: int = 0
    differences: list[Difference] = field(default_factory=list)
    unchecked: Counter[tuple[Source, str, str]] = field(default_factory=Counter)
    refused: int = 0
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def wrong(self) -> bool:
        """Whether anything differs, or could not be compared though it must be there."""
        return bool(self.differ or self.missing)

    def add(self, difference: Difference) -> None:
        """Note a figure that differs."""
        self.differ += 1
        if len(self.differences) < MOST_DIFFERENCES:
            self.differences.append(difference)

    def leave_out(self, source: Source, windows: Mapping[str, str], accounts: int) -> None:
        """Note windows that cannot be compared, with the reason of each."""
        for window, reason in windows.items():
            self.unchecked[source, window, reason] += accounts

    def summary(self) -> str:
        """One sentence."""
        gaps = f"; of {len(self.missing):,} there is nothing to compare" if self.missing else ""
        return (
            f"{len(self.accounts):,} accounts, {len(WINDOWS)} windows, {self.figures:,} figures compared, "
            f"{self.differ:,} differ{gaps}."
        )

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "accounts": len(self.accounts),
            "windows": len(WINDOWS),
            "figures": self.figures,
            "differ": self.differ,
            "differences": [msgspec.structs.asdict(one) for one in self.differences],
            "not_checkable": [
                {"source": source, "window": window, "reason": reason, "accounts": accounts}
                for (source, window, reason), accounts in self.unchecked.items()
            ],
            "refused_lines": self.refused,
            "missing": self.missing,
        }
