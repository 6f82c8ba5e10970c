"""The net state of a key: its newest addition and newest removal, and what the addition said.

Each merges by maximum, so the state depends on the set of operations alone. Of two additions of the same
millisecond the larger weight stays, and of equal weights the larger details, column by column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]

NEVER: Final = -(2**62)
"""The time of an addition or a removal that has not been seen."""


@dataclass(frozen=True, slots=True)
class States:
    """Net states of distinct keys: newest addition and its weight, newest removal (epoch ms).

    ``details``: what the addition said, shape (n, :data:`resonanz_streams.details.WIDTH`), 0 where there is
    none; None where nobody asks for it.
    """

    added: Ints
    weight: Ints
    removed: Ints
    details: Keys | None = None

    def at(self, places: Places) -> "States":
        """The states at these places."""
        details = None if self.details is None else self.details[places]
        return States(self.added[places], self.weight[places], self.removed[places], details)

    @property
    def counts(self) -> Flags:
        """Whether the key counts."""
        return self.added > self.removed

    @property
    def newest(self) -> Ints:
        """The time of the newest operation."""
        return np.maximum(self.added, self.removed)

    def differs(self, other: "States", *, besides_details: bool = False) -> Flags:
        """Where this is not the other."""
        differs = (
            (self.added != other.added) | (self.weight != other.weight) | (self.removed != other.removed)
        )
        if not besides_details and self.details is not None and other.details is not None:
            differs |= (self.details != other.details).any(axis=1)
        found: Flags = differs
        return found


def alone(at_ms: Ints, removal: Flags, weights: Ints, details: Keys | None = None) -> States:
    """The state that each of these operations would make alone."""
    return States(
        np.where(removal, NEVER, at_ms),
        np.where(removal, 0, weights),
        np.where(removal, at_ms, NEVER),
        None if details is None else np.where(removal[:, None], np.uint64(0), details),
    )


def concatenated(parts: Sequence[States]) -> States:
    """One after the other."""
    details = [part.details for part in parts if part.details is not None]
    return States(
        np.concatenate([part.added for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.removed for part in parts]),
        np.concatenate(details) if len(details) == len(parts) else None,
    )


def merged(a: States, b: States) -> States:
    """The maximum of two states, key by key."""
    newer, equal = b.added > a.added, b.added == a.added
    heavier = equal & (b.weight > a.weight)
    takes = newer | heavier
    details = None
    if a.details is not None and b.details is not None:
        details = np.where(takes[:, None], b.details, a.details)
        level = np.flatnonzero(equal & (b.weight == a.weight))
        if len(level):
            details[level] = _larger(a.details[level], b.details[level])
    return States(
        np.maximum(a.added, b.added),
        np.where(takes, b.weight, a.weight),
        np.maximum(a.removed, b.removed),
        details,
    )


def _larger(a: Keys, b: Keys) -> Keys:
    """Row by row the larger, compared column by column."""
    differs = a != b
    first = differs.argmax(axis=1)[:, None]
    greater = np.take_along_axis(b, first, 1) > np.take_along_axis(a, first, 1)
    return np.where(greater, b, a)


def grouped(keys: Keys, states: States) -> tuple[Places, Places, States]:
    """Merge the states of equal keys.

    Returns (order, starts, states): ``order`` sorts the input by key, ``starts`` are the places in that
    order at which each distinct key begins, ``states`` the merged states in ascending key order.
    """
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    in_order = states.at(order)
    if len(starts) == len(keys):
        return order, starts, in_order
    added = np.maximum.reduceat(in_order.added, starts)
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(keys))))
    weights = np.where(in_order.added == added[group], in_order.weight, np.iinfo(np.int64).min)
    weight = np.maximum.reduceat(weights, starts)
    details = None
    if in_order.details is not None:
        best = np.flatnonzero(weights == weight[group])
        details = _largest(in_order.details[best], group[best], len(starts))
    removed = np.maximum.reduceat(in_order.removed, starts)
    return order, starts, States(added, weight, removed, details)


def _largest(details: Keys, group: Places, groups: int) -> Keys:
    """Of the rows of each group (ascending, none without a row) the largest."""
    if len(group) == groups:
        return details
    first = np.searchsorted(group, np.arange(groups))
    largest = details[first]
    for row in np.flatnonzero((details != largest[group]).any(axis=1)).tolist():
        one = group[row]
        largest[one] = _larger(largest[one : one + 1], details[row : row + 1])[0]
    return largest
