"""What topic ``kpis.deep`` is told of the people behind figures, where a client has several accounts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from xxhash import xxh3_64_hexdigest

from resonanz_streams.actors import packed, places
from resonanz_streams.events import Actors
from resonanz_streams.kpis.base import DEEP_WINDOWS, Inputs
from resonanz_streams.kpis.columns import net_of
from resonanz_streams.net.people import people
from resonanz_streams.net_states import Keys

MOST_TARGETS: Final = 16_384
"""People of a target list that are told one by one: 2 KB a window."""


def actors(inputs: Inputs) -> Mapping[int, Mapping[str, Actors]]:
    """Per row, of accounts whose client has several: per window."""
    several = inputs.clients.several
    rows = [] if several is None else np.flatnonzero(several).tolist()
    found: dict[int, dict[str, Actors]] = {row: {} for row in rows}
    # Accounts of a client share its list.
    targets = inputs.clients.targets
    lists = {place: _listed(targets[row]) for place, row in {id(targets[row]): row for row in rows}.items()}
    for window in DEEP_WINDOWS if rows else ():
        for row, who in _by_row(inputs, window, rows):
            listed = lists[id(targets[row])]
            found[row][window] = Actors(
                smallest=packed(who),
                reached=None if listed is None else places(who, listed[0]),
                target_list=None if listed is None else listed[1],
            )
    return found


def _by_row(inputs: Inputs, window: str, rows: Sequence[int]) -> Iterator[tuple[int, Keys]]:
    """The different people of these accounts."""
    found = net_of(inputs).once(people, inputs.start_ms(window))
    edges = np.searchsorted(found.accounts, np.arange(found.table.size + 1))
    for row in rows:
        yield row, found.actors[edges[row] : edges[row + 1]]


def _listed(targets: Keys) -> tuple[Keys, str] | None:
    """The different people of a list, and its hash."""
    each = np.unique(targets)
    if not 0 < len(each) <= MOST_TARGETS:
        return None
    return each, xxh3_64_hexdigest(each.astype("<u8").tobytes())
