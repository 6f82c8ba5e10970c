"""What KPIs are computed from, said in a few words."""

from collections.abc import Sequence

import numpy as np

from resonanz_streams.kpis.base import WINDOWS, WINDOWS_MS, Column, Inputs, Kpi

NOW_MS = 1_700_000_000_000


def inputs_of(
    counts: Sequence[tuple[int, int, int, int]],
    *,
    followers: Sequence[float] | None = None,
    potential: Sequence[float] | None = None,
    coverage: Sequence[float] | None = None,
    peak: Sequence[float] | None = None,
    length_ms: int | None = None,
) -> Inputs:
    """The same counts in every window, one row an account; without a word nothing else is known, and all is
    covered."""
    nothing = [np.nan] * len(counts)
    rows = np.array(counts, dtype=np.int64).reshape(-1, 4)
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
    )


def columns(kpi: Kpi, inputs: Inputs, window: str = "24h") -> dict[str | None, Column]:
    """By part."""
    return {column.part: column for column in kpi.compute(inputs, window)}
