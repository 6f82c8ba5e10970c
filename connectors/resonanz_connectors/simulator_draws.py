"""Random numbers that belong to a place (seed, account, hour, ordinal), not to an order of asking.

A hash takes the part of a generator: any slice can be drawn alone, in any order, and comes out the same.
"""

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_LARGE = 50.0
"""Above this mean a rounded normal stands for the Poisson: its error no longer shows."""


def mixed(keys: Keys) -> Keys:
    """The splitmix64 finaliser: close inputs, unrelated outputs."""
    z = keys + _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))


def named(*names: object) -> int:
    """A key from words, the same on every machine."""
    return int(xxh3_64_intdigest("\0".join(map(str, names)).encode()))


def below(keys: Keys, part: Keys) -> Keys:
    """Keys of the parts of a place: an account's hour, an hour's event."""
    return mixed(mixed(keys) ^ mixed(part))


def uniform(keys: Keys, purpose: str) -> Floats:
    """In [0, 1), independent for every purpose."""
    salt = np.array([named("purpose", purpose)], dtype=np.uint64)
    return (mixed(keys ^ salt) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def exponential(keys: Keys, purpose: str, mean: float, most: float) -> Floats:
    """Exponential with this mean before it is cut off at ``most``."""
    reach = 1.0 - np.exp(-most / mean)
    drawn: Floats = -mean * np.log1p(-uniform(keys, purpose) * reach)
    return drawn


def normal(keys: Keys, purpose: str) -> Floats:
    """Standard normal (Box and Muller)."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(keys, purpose + " radius")))
    drawn: Floats = radius * np.cos(2.0 * np.pi * uniform(keys, purpose + " angle"))
    return drawn


def poisson(keys: Keys, purpose: str, means: Floats) -> Ints:
    """Counts with these means, by inversion."""
    draws = uniform(keys, purpose)
    counts = np.zeros(means.shape, dtype=np.int64)
    large = means > _LARGE
    if large.any():
        wide = means[large]
        counts[large] = np.maximum(0, np.rint(wide + np.sqrt(wide) * normal(keys[large], purpose)))
    places = np.flatnonzero(~large.ravel() & (draws > np.exp(-means)).ravel())
    flat = counts.ravel()
    flat[places] = _inverted(draws.ravel()[places], means.ravel()[places])
    return flat.reshape(counts.shape)


def _inverted(draws: Floats, means: Floats) -> Ints:
    """The smallest k with P(X <= k) >= draw, from 1 on; all at once, fewer left with every step."""
    counts = np.ones(len(draws), dtype=np.int64)
    places = np.arange(len(draws))
    term = np.exp(-means)
    total = term.copy()
    # The sum of the terms may stay a rounding below 1: the bound ends the tail then.
    for k in range(1, int(4 * _LARGE)):
        if not len(places):
            break
        term = term * means[places] / k
        total = total + term
        counts[places] = k
        left = draws[places] > total
        places, term, total = places[left], term[left], total[left]
    return counts
