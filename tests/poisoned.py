"""Measures with a defect that nobody foresaw: on some records counting fails, halfway through a run.

A weight of ``POISON`` is the mark; the record itself is as well-formed as any.
"""

from typing import Any, Final

import numpy as np

from resonanz_streams.audience import AudienceBook
from resonanz_streams.ledger_rows import Entries
from resonanz_streams.measures import Measures
from resonanz_streams.net_states import Flags

POISON: Final = 13_131


class UnforeseenError(Exception):
    """A defect of ours."""


class PoisonedMeasures(Measures):
    """Fails when it counts a poisoned record, after it has counted what stands before it in the run."""

    def count(self, operations: Entries) -> tuple[Entries, Flags]:
        poisoned = np.flatnonzero(operations.states.weight == POISON)
        if len(poisoned):
            if poisoned[0]:
                super().count(operations.at(np.arange(poisoned[0])))
            raise UnforeseenError
        return super().count(operations)


class LatelyPoisonedMeasures(Measures):
    """Counts a poisoned record without a word; everything fails when the KPIs are to be computed."""

    _fails = False

    def count(self, operations: Entries) -> tuple[Entries, Flags]:
        self._fails = self._fails or bool((operations.states.weight == POISON).any())
        return super().count(operations)

    def inputs(self, *words: Any, **options: Any) -> Any:
        if self._fails:
            raise UnforeseenError
        return super().inputs(*words, **options)


class _PoisonedBook(AudienceBook):
    def add(self, row: int, at_ms: int, followers: int) -> bool:
        if followers == POISON:
            raise UnforeseenError
        return super().add(row, at_ms, followers)


class PoisonedAudience(Measures):
    """Fails on a poisoned snapshot of followers."""

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        self.audience = _PoisonedBook(len(self._accounts))
