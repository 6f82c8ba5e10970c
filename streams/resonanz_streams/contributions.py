"""What net states add to the windows."""

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.kpis.base import POST, REMOVED
from resonanz_streams.ledger import Changes
from resonanz_streams.net_states import NEVER, States
from resonanz_streams.windows import Deltas

Ints = NDArray[np.int64]


def net_deltas(changes: Changes, rows: Ints, columns: Ints) -> Deltas:
    """What a change of net states does: the old contribution leaves, the new one comes.

    ``rows`` and ``columns`` are the account and the kind of each changed key.
    """
    before, after = standing(changes.before, rows, columns), standing(changes.after, rows, columns)
    return Deltas(
        np.concatenate((before.rows, after.rows)),
        np.concatenate((before.columns, after.columns)),
        np.concatenate((before.at_ms, after.at_ms)),
        np.concatenate((-before.weights, after.weights)),
    )


def standing(states: States, rows: Ints, columns: Ints) -> Deltas:
    """What these states contribute: an addition, at its time, to its kind; to REMOVED once it is undone, to
    nothing if it was a post."""
    seen = np.flatnonzero((states.added > NEVER) & (states.counts | (columns != POST)))
    return Deltas(
        rows[seen],
        np.where(states.counts[seen], columns[seen], REMOVED),
        states.added[seen],
        states.weight[seen],
    )
