"""What a client leaves out of its authentic figures by hand, with the reason, and how it is told."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from resonanz_streams.identity import hashes
from resonanz_streams.net.suspects import Pattern

log = logging.getLogger(__name__)

ALWAYS: Final = (-(2**62), 2**62)
"""From before the first event until after the last one."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Interactions on ``account`` from ``from_ms`` on, before ``to_ms``; ``actors``: pseudonyms, only theirs;
    ``flags``: only what has one of these. Empty: of everybody, with whatever flags."""

    account: str
    from_ms: int
    to_ms: int
    actors: frozenset[str]
    flags: frozenset[str]
    reason: str
    by: str | None

    def pattern(self) -> Pattern:
        """As figures are computed with it."""
        actors = np.sort(hashes(self.actors)) if self.actors else None
        return Pattern(self.from_ms, self.to_ms, actors, self.flags)

    def row(self) -> dict[str, Any]:
        """For programs. Of the actors only how many: nobody needs to know more to judge the reason."""
        first, last = ALWAYS
        return {
            "account": self.account,
            "from_ms": None if self.from_ms == first else self.from_ms,
            "to_ms": None if self.to_ms == last else self.to_ms,
            "actors": len(self.actors) or None,
            "flags": sorted(self.flags),
            "reason": self.reason,
            "by": self.by,
        }

    def sentence(self) -> str:
        """For a person."""
        first, last = ALWAYS
        words = [f"{self.account}: {self._what()}"]
        words.append("from the beginning" if self.from_ms == first else f"from {_utc(self.from_ms)}")
        words.append("on" if self.to_ms == last else f"until {_utc(self.to_ms)}")
        return f"{' '.join(words)} is left out of authentic figures: {self.reason}{self._by()}"

    def _what(self) -> str:
        flagged = f"is flagged {' or '.join(sorted(self.flags))}" if self.flags else ""
        people = f"{len(self.actors)} of its people did" if self.actors else ""
        narrowed = " and ".join(word for word in (flagged, people) if word)
        return f"what {narrowed}" if narrowed else "all"

    def _by(self) -> str:
        return f" ({self.by})" if self.by else ""


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def log_exclusions(before: Sequence[Exclusion], after: Sequence[Exclusion]) -> None:
    """Tell what is taken up, and what is let go."""
    for exclusion in after:
        if exclusion not in before:
            log.warning("%s", exclusion.sentence())
    for exclusion in before:
        if exclusion not in after:
            log.warning("no longer: %s", exclusion.sentence())


def patterns(exclusions: Iterable[Exclusion], accounts: Iterable[str]) -> Sequence[Sequence[Pattern]]:
    """Those of each account."""
    found: dict[str, list[Pattern]] = {}
    for exclusion in exclusions:
        found.setdefault(exclusion.account, []).append(exclusion.pattern())
    return [found.get(account, ()) for account in accounts]
