"""What became of every event read."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

OUTCOMES: Final = ("duplicate", "counted", "removed")


@dataclass(slots=True)
class Tally:
    """Counts since the engine started.

    ``outcomes``: by (source, kind, outcome), outcome as in the contract; source is "" where a dead
    letter's could not be read. ``dead_letters``: by reason.
    """

    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)

    def update(self, other: "Tally") -> None:
        """Add another tally."""
        self.outcomes.update(other.outcomes)
        self.dead_letters.update(other.dead_letters)

    def add(self, sources: Sequence[str], kind: str, codes: NDArray[Any]) -> None:
        """Count events of one kind; ``codes`` are indices into OUTCOMES."""
        distinct = set(sources)
        for source in distinct:
            mine = codes if len(distinct) == 1 else codes[[name == source for name in sources]]
            for outcome, count in zip(OUTCOMES, np.bincount(mine, minlength=3).tolist(), strict=True):
                if count:
                    self.outcomes[source, kind, outcome] += count

    def reject(self, kind: str, reason: str) -> None:
        """Count a dead letter."""
        self.dead_letters[reason] += 1
        self.outcomes["", kind, "dead_letter"] += 1
