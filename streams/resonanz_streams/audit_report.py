"""What an audit found."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from resonanz_streams.kpis.base import WINDOWS
from resonanz_streams.registry import Account, Registry
from resonanz_streams.rules import Rule, digest_of

MOST_DIFFERENCES: Final = 10_000
"""More are counted, and not kept one by one."""

Source = Literal["state", "kpis"]


class Difference(msgspec.Struct, frozen=True):
    """One figure that is not what the log says. ``at_ms``: as of when. ``where``: records that make the
    difference, as topic/partition@offset, or the range in which they stand. ``rules_since_ms``: since when
    the client's own actors, topics, venues and flags are what they are; None if they never were others."""

    account: str
    source: Source
    window: str
    figure: str
    live: float | str | None
    recomputed: float | str | None
    partition: int
    at_ms: int
    where: str
    rules_since_ms: int | None = None


@dataclass
class Report:
    """``figures``: how many were compared. ``unchecked``: of (source, window, reason) the number of accounts
    whose window could not be compared. ``missing``: what could not be compared at all, and why.
    ``rules_since_ms``: see Difference, by account. ``outdated``: clients of which the state knows other rules
    than the configuration has."""

    accounts: set[str] = field(default_factory=set)
    figures: int = 0
    differ: int = 0
    differences: list[Difference] = field(default_factory=list)
    unchecked: Counter[tuple[Source, str, str]] = field(default_factory=Counter)
    refused: int = 0
    missing: dict[str, str] = field(default_factory=dict)
    rules_since_ms: dict[str, int] = field(default_factory=dict)
    outdated: set[str] = field(default_factory=set)

    @property
    def wrong(self) -> bool:
        """Whether anything differs, or could not be compared though it must be there."""
        return bool(self.differ or self.missing)

    def add(self, difference: Difference) -> None:
        """Note a figure that differs."""
        self.differ += 1
        if len(self.differences) < MOST_DIFFERENCES:
            since = self.rules_since_ms.get(difference.account)
            self.differences.append(
                difference if since is None else msgspec.structs.replace(difference, rules_since_ms=since)
            )

    def note_rules(self, rules: Mapping[str, Rule], registry: Registry, accounts: Iterable[Account]) -> None:
        """Note by which rules the events of these accounts were counted, as the state says."""
        for account in accounts:
            rule = rules.get(account.client)
            if rule is None:
                continue
            if rule.since_ms is not None:
                self.rules_since_ms[account.id] = rule.since_ms
            if rule.digest != digest_of(registry.clients[account.client]):
                self.outdated.add(account.client)

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
            "outdated_clients": sorted(self.outdated),
        }
