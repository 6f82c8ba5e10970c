"""What kind of interactions an account gets: L/I, C/I, S/I."""

from collections.abc import Sequence

from resonanz_streams.events import KINDS
from resonanz_streams.kpis.base import INTERACTIONS, WINDOWS, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import NO_INTERACTIONS, share_column, why


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """Three parts that sum to 1; absent without interactions."""
    counts = inputs.counts[window][:, INTERACTIONS].astype(float)
    whole = counts.sum(axis=1)
    missing = why(NO_INTERACTIONS, inputs, window)
    return [
        share_column(kind, counts[:, number], whole, missing=missing) for number, kind in enumerate(KINDS)
    ]


KPI = Kpi(
    id="interaction_mix",
    unit="ratio",
    help="Share of each kind in the net interactions.",
    windows=WINDOWS[3:],
    compute=compute,
    most_parts=3,
    authentic=True,
    group="engagement",
    formula="L / I, C / I, S / I",
    numerator="net interactions of the kind",
    denominator="net interactions",
    interval="Wilson",
    parts={"like": "L / I", "comment": "C / I", "share": "S / I"},
    merge="share",
)
