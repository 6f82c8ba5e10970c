"""How many of those whom a client wants to reach have interacted."""

from collections.abc import Sequence

import numpy as np

from resonanz_streams.kpis.base import DEEP_WINDOWS, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import NO_TARGET_LIST, NOT_COVERED, net_of, share_column, why
from resonanz_streams.net.people import people
from resonanz_streams.net_states import Keys


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """Different people of the target list who interacted / size of the list, Wilson.

    Whom the list names twice is one. Absent without a list, and where nobody watched nor came.
    """
    found = net_of(inputs).once(people, inputs.start_ms(window))
    edges = np.searchsorted(found.accounts, np.arange(found.table.size + 1))
    lists = inputs.clients.targets
    reached = np.array(
        [_hits(found.actors[edges[row] : edges[row + 1]], targets) for row, targets in enumerate(lists)],
        dtype=np.float64,
    )
    sizes = np.array([_distinct(targets) for targets in lists], dtype=np.float64)
    missing = np.where(sizes > 0, why(NOT_COVERED, inputs, window), np.uint8(NO_TARGET_LIST))
    seen = (reached > 0) | (inputs.coverage[window] > 0)
    return [share_column(None, reached, np.where(seen, sizes, 0.0), missing=missing)]


def _hits(people: Keys, targets: Keys) -> int:
    """How many of these different people are among the targets, which ascend."""
    if not len(targets):
        return 0
    place = np.minimum(np.searchsorted(targets, people), len(targets) - 1)
    return int(np.count_nonzero(targets[place] == people))


def _distinct(targets: Keys) -> int:
    return len(targets) - int(np.count_nonzero(targets[1:] == targets[:-1]))


KPI = Kpi(
    id="target_coverage",
    unit="ratio",
    help="Share of the client's target list that interacted.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    group="potential",
    formula="different people of the target list who interacted / people on the list",
    numerator="different people of the target list who interacted",
    denominator="people on the list",
    interval="Wilson",
    merge="targets",
)
