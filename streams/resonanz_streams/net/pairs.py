"""Names of accounts' objects as one number each, and finding them."""

from typing import Final

import numpy as np

from resonanz_streams.net_states import Ints, Keys, Places

_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)


def pairs(accounts: Ints, objects: Keys) -> Keys:
    """Account and object in one number; two of them are equal with a chance of 2⁻⁶⁴."""
    return objects ^ (accounts.astype(np.uint64) * _SPREAD)


def find(names: Keys, wanted: Keys) -> Places:
    """The place of each wanted name among the distinct names, -1 where it is not."""
    if not len(names):
        return np.full(len(wanted), -1, dtype=np.intp)
    order = np.argsort(names)
    place = order[np.minimum(np.searchsorted(names[order], wanted), len(names) - 1)]
    return np.where(names[place] == wanted, place, -1)
