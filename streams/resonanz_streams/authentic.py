"""The engagement KPIs once more, without what is suspect or excluded."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from resonanz_streams.events import KINDS
from resonanz_streams.kpis.base import AUTHENTIC, DEEP_WINDOWS, INTERACTIONS, Column, Inputs, Ints, Kpi
from resonanz_streams.kpis.columns import net_of
from resonanz_streams.net.suspects import Screening, authentic, left_out
from resonanz_streams.net.table import NetTable

_NAMES: Final = {None: AUTHENTIC} | {kind: f"{AUTHENTIC}:{kind}" for kind in KINDS}
"""What the whole and the kinds are called without suspects. Other parts have no such counterpart."""

PARTS: Final = tuple(_NAMES.values())


def is_authentic(part: str | None) -> bool:
    """Whether a part is one of these."""
    return part in PARTS


def parts_of(kpi: Kpi) -> Sequence[str]:
    """Those that a KPI can have."""
    return [name for part, name in _NAMES.items() if kpi.authentic and (part is None or part in kpi.parts)]


def with_suspects(part: str | None) -> str | None:
    """The part that one of these is without suspects; None is the whole."""
    return next(known for known, name in _NAMES.items() if name == part)


def authentic_columns(
    inputs: Inputs, kpi: Kpi, window: str, compute: Callable[[Kpi, Inputs, str], Sequence[Column]]
) -> Iterator[Column]:
    """The parts ``authentic`` of a KPI that has them, of those accounts only of which something is left out:
    in the window, or of KPIs of posts at all. None unless the inputs hold what stands.

    Counts are those given less what is left out, so both are of the same moment.
    """
    if not kpi.authentic or inputs.net is None or window not in DEEP_WINDOWS:
        return
    table, screening = net_of(inputs), inputs.clients.screening
    out = table.once(left_out, screening)
    recent = out if kpi.deep else out[table.at_ms[out] > inputs.start_ms(window)]
    if not len(recent):
        return
    rows = np.unique(table.accounts[recent])
    for column in compute(kpi, _without(inputs, window, table, screening), window):
        if column.rows is None and column.part in _NAMES:
            yield _of(column, rows, _NAMES[column.part])


def _without(inputs: Inputs, window: str, table: NetTable, screening: Screening) -> Inputs:
    counts = inputs.counts[window].copy()
    counts[:, INTERACTIONS] -= table.once(_lost, screening, inputs.start_ms(window))
    nothing = np.zeros(table.size)
    return replace(
        inputs,
        counts={**inputs.counts, window: counts},
        net=table.once(authentic, screening),
        # The rings go on meanwhile, and the peak has no counterpart.
        peak_per_minute=lambda: nothing,
    )


def _lost(table: NetTable, screening: Screening, start_ms: int) -> Ints:
    """Likes, comments and shares of each account that are left out since ``start_ms``, exclusive."""
    out = table.once(left_out, screening)
    out = out[table.at_ms[out] > start_ms]
    lost = np.zeros((table.size, len(KINDS)), dtype=np.int64)
    np.add.at(lost, (table.accounts[out], table.kinds[out]), table.weights[out])
    return lost


def _of(column: Column, rows: Ints, part: str) -> Column:
    """That of some accounts, under this name."""
    few = Column(
        part,
        column.value[rows],
        column.lo[rows],
        column.hi[rows],
        column.numerator[rows],
        column.denominator[rows],
        column.reason[rows],
    )
    return replace(few, rows=rows, parts=[part] * len(rows))
