"""What became of every event read."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

OUTCOMES: Final = ("duplicate", "counted", "removed")

MAX_SOURCES: Final = 50
"""Names come from events, so from anybody; those beyond share the name ``other``."""


class Tally:
    """Counts since the engine started.

    ``outcomes``: by (source, kind, outcome), outcome as in the contract; source is "" where a dead
    letter's could not be read. ``dead_letters``: by reason.
    """

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str, str]] = Counter()
        self.dead_letters: Counter[str] = Counter()
        self._sources: set[str] = set()

    def update(self, other: "Tally") -> None:
        """Add another tally."""
        for (source, kind, outcome), count in other.outcomes.items():
            self.one(source, kind, outcome, count)
        self.dead_letters.update(other.dead_letters)

    def add(self, sources: Sequence[str], kind: str, codes: NDArray[Any]) -> None:
        """Count events of one kind; ``codes`` are indices into OUTCOMES."""
        distinct = set(sources)
        for source in sorted(distinct):
            mine = codes if len(distinct) == 1 else codes[[name == source for name in sources]]
            for outcome, count in zip(OUTCOMES, np.bincount(mine, minlength=3).tolist(), strict=True):
                if count:
                    self.one(source, kind, outcome, count)

    def one(self, source: str, kind: str, outcome: str, count: int = 1) -> None:
        """Count events of one source, kind and outcome."""
        if source and source not in self._sources:
            if len(self._sources) >= MAX_SOURCES:
                source = "other"
            else:
                self._sources.add(source)
        self.outcomes[source, kind, outcome] += count

    def reject(self, kind: str, reason: str) -> None:
        """Count a dead letter."""
        self.dead_letters[reason] += 1
        self.one("", kind, "dead_letter")
