"""Whether interactions became more or fewer: the window against the one before it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from resonanz_streams.intervals import equal_means_p, ratio_interval
from resonanz_streams.kpis.base import DEEP_WINDOWS, Column, Inputs, Ints, Kpi
from resonanz_streams.kpis.columns import (
    BEYOND_HORIZON,
    NEGATIVE,
    NO_INTERACTIONS,
    NONE,
    NOT_COVERED,
    Flags,
    Reasons,
    covered,
    net_of,
)

COMPARABLE: Final = 0.95
"""Of each of two periods must have been watched: else what was not seen would look like a change."""

_ID: Final = "interactions_change"


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """I of the window / I of the time of the same length before it, with the exact interval of a ratio; part
    ``p``: how probable a difference at least as great is if nothing has changed (two-sided, exact).

    Coverage is the smaller one of the two periods', 0 where one is not known. Null there, and where either
    was watched for less than 95 %.
    """
    table, start_ms, length_ms = net_of(inputs), inputs.start_ms(window), inputs.length_ms[window]
    edges = [np.full(table.size, start_ms + length_ms * step) for step in (-1, 0, 1)]
    place = (_ID, window, None)
    watched = np.minimum(*(covered(inputs, place, *edges[step : step + 2]) for step in (0, 1)))
    known = start_ms - length_ms + 1 >= table.begin_ms
    both = table.since(start_ms - length_ms)
    recent = table.at_ms[both] > start_ms
    interactions = table.interactions[both]
    columns = change(
        table.totals(both, interactions & recent),
        table.totals(both, interactions & ~recent),
        watched >= COMPARABLE,
        known=known,
    )
    return [replace(column, coverage=watched if known else np.zeros(table.size)) for column in columns]


def change(now: Ints, before: Ints, comparable: Flags, *, known: bool = True) -> tuple[Column, Column]:
    """The ratio of two counts of equally long periods, and its p-value."""
    zero = np.zeros(len(now), dtype=np.uint8)
    unusable = np.select(
        [np.full(len(now), not known), ~comparable, (now < 0) | (before < 0)],
        [zero + BEYOND_HORIZON, zero + NOT_COVERED, zero + NEGATIVE],
        zero + NONE,
    ).astype(np.uint8)
    counts = np.where(unusable, -1, now), np.where(unusable, -1, before)
    alike = np.ones(len(now))
    lo, hi = ratio_interval(counts[0], alike, counts[1], alike)
    numerator, denominator = (np.where(count < 0, np.nan, count) for count in counts)
    usable = np.where(denominator > 0, denominator, np.nan)
    absent = np.isnan(usable)
    nothing, chance = np.full(len(now), np.nan), equal_means_p(*counts)
    return (
        Column(
            None,
            numerator / usable,
            np.where(absent, np.nan, lo),
            np.where(absent, np.nan, hi),
            numerator,
            usable,
            _or_nothing(unusable, absent),
        ),
        Column("p", chance, nothing, nothing, nothing, nothing, _or_nothing(unusable, np.isnan(chance))),
    )


def _or_nothing(unusable: Reasons, absent: Flags) -> Reasons:
    """Why it is null, if it is: there was nothing to compare with where there is no other reason."""
    return np.where(absent & (unusable == NONE), NO_INTERACTIONS, unusable).astype(np.uint8)


KPI = Kpi(
    id=_ID,
    unit="ratio",
    help="Net interactions against those of the same time before.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    most_parts=2,
    own_coverage=True,
    group="engagement",
    formula="I / I of the time of the same length before the window",
    numerator="I",
    denominator="I before",
    interval="Clopper–Pearson",
    parts={"p": "how probable such a difference or a greater one is if nothing has changed"},
)
