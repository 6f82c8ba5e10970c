"""Lines in a wrong partition: somebody published them wrongly, or somebody has added partitions."""

from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from resonanz_streams.errors import GROWN, StopError


class _Engine(Protocol):
    @property
    def misplaced(self) -> int: ...


class Growth:
    """Which of those lines nobody has explained yet. Until then nothing of their partition is written: had
    partitions been added, they would become dead letters."""

    def __init__(self) -> None:
        self._explained: Counter[int] = Counter()

    def check(self, partitions: frozenset[int], configured: int) -> None:
        """Refuse an assignment of partitions that the configuration does not know.

        Raises:
            StopError: there is one.
        """
        if any(partition >= configured for partition in partitions):
            raise StopError(
                f"a topic has {max(partitions) + 1} partitions, the configuration says {configured}; {GROWN}"
            )

    def suspects(self, partition: int, engine: _Engine) -> bool:
        """Whether something of this partition is unexplained."""
        return engine.misplaced > self._explained[partition]

    def doubts(self, engines: Mapping[int, _Engine]) -> dict[int, int]:
        """How many lines were misplaced, by partition, where one is unexplained."""
        return {n: engine.misplaced for n, engine in engines.items() if self.suspects(n, engine)}

    def explain(self, doubts: Mapping[int, int]) -> None:
        """The topics have not grown: whoever published these was wrong."""
        self._explained.update(Counter(doubts) - self._explained)

    def forget(self, partition: int) -> None:
        """It is another's now, or begins anew."""
        self._explained.pop(partition, None)
