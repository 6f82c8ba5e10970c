"""What KPIs are computed from, said in a few words."""

from collections.abc import Callable, Collection, Sequence

import numpy as np

from resonanz_streams.business_time import BusinessHours
from resonanz_streams.coverage import EARLIER_DAYS
from resonanz_streams.identity import hashes
from resonanz_streams.kpis.base import (
    POST,
    WINDOWS,
    WINDOWS_MS,
    Clients,
    Column,
    Floats,
    Inputs,
    Ints,
    Kpi,
    Place,
    Voice,
)
from resonanz_streams.net.suspects import Burst, Pattern, Screening
from resonanz_streams.net.table import NetTable

NOW_MS = 1_700_000_000_000


def inputs_of(
    counts: Sequence[tuple[int, int, int, int]],
    *,
    followers: Sequence[float] | None = None,
    potential: Sequence[float] | None = None,
    coverage: Sequence[float] | None = None,
    peak: Sequence[float] | None = None,
    length_ms: int | None = None,
    posts: Sequence[int] | None = None,
    net: NetTable | None = None,
    clients: Clients | None = None,
    followers_at: Callable[[Ints, Ints], Floats] | None = None,
    days: Collection[int] = range(1, EARLIER_DAYS + 1),
    watched: Callable[[Place, Ints, Ints], Floats] | None = None,
) -> Inputs:
    """The same counts (likes, comments, shares, removed) in every window, one row an account; without a word
    nothing else is known, and all is covered. ``followers_at``: without it they were always as many;
    ``days``: those before today that were watched."""
    nothing = [np.nan] * len(counts)
    given = np.array(counts, dtype=np.int64).reshape(-1, 4)
    published = np.array([0] * len(counts) if posts is None else posts, dtype=np.int64)
    rows = np.insert(given, POST, published, axis=1)
    followed = np.array(nothing if followers is None else followers, dtype=np.float64)
    covered = np.array([1.0] * len(counts) if coverage is None else coverage)
    busiest = np.array([0.0] * len(counts) if peak is None else peak)
    return Inputs(
        now_ms=NOW_MS,
        counts=dict.fromkeys(WINDOWS, rows),
        length_ms={window: length_ms or length for window, length in WINDOWS_MS.items()},
        peak_per_minute=lambda: busiest,
        followers=dict.fromkeys(WINDOWS, followed),
        potential=np.array(nothing if potential is None else potential, dtype=np.float64),
        coverage=dict.fromkeys(WINDOWS, covered),
        clients=clients or clients_with(len(counts)),
        net=net,
        followers_at=followers_at or (lambda rows, _: followed[rows]),
        days=lambda _: np.tile([day in days for day in range(1, EARLIER_DAYS + 1)], (len(counts), 1)),
        covered=watched or (lambda _place, _begin, _end: covered),
    )


def nobody_knows(rows: Ints, _: Ints) -> Floats:
    """The followers that accounts had then."""
    return np.full(len(rows), np.nan)


def clients_with(
    accounts: int,
    *,
    sla_ms: int = 4 * 3_600_000,
    targets: Sequence[Sequence[str]] | None = None,
    zones: Sequence[str] | None = None,
    voices: Sequence[Voice | None] | None = None,
    hours: Sequence[BusinessHours | None] | None = None,
    weights: tuple[float, float, float] = (1, 2, 3),
    burst: Burst | None = None,
    patterns: Sequence[Sequence[Pattern]] | None = None,
) -> Clients:
    """What the clients of so many accounts say: an answer within 4 h, UTC, and nothing else."""
    lists: Sequence[Sequence[str]] = targets or [()] * accounts
    return Clients(
        np.full(accounts, sla_ms, dtype=np.int64),
        [np.sort(hashes(people)) for people in lists],
        zones or ["UTC"] * accounts,
        voices or [None] * accounts,
        hours or [None] * accounts,
        np.array([weights] * accounts, dtype=np.float64).reshape(-1, 3),
        Screening([burst or Burst()] * accounts, patterns or [()] * accounts),
    )


def columns(kpi: Kpi, inputs: Inputs, window: str = "24h") -> dict[str | None, Column]:
    """By part."""
    return {column.part: column for column in kpi.compute(inputs, window)}
