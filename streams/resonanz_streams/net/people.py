"""The different people who interacted with each account."""

from dataclasses import dataclass

import numpy as np

from resonanz_streams.net.table import NetTable, distinct
from resonanz_streams.net_states import Ints, Keys


@dataclass(frozen=True, slots=True)
class People:
    """One entry for each account and person, ordered by account."""

    table: NetTable
    accounts: Ints
    actors: Keys

    def counts(self) -> Ints:
        """How many of each account."""
        return np.bincount(self.accounts, minlength=self.table.size).astype(np.int64)


def people(table: NetTable, start_ms: int) -> People:
    """Since ``start_ms``, exclusive. Interactions whose actor nobody told are nobody's, and so is the fall of
    a total."""
    recent = table.since(start_ms)
    known = np.flatnonzero(
        table.interactions[recent] & (table.actors[recent] != 0) & (table.weights[recent] > 0)
    )
    return People(table, *distinct(table.accounts[recent][known], table.actors[recent][known]))
