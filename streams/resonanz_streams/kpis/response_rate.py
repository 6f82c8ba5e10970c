"""Whether anybody answers: audience comments answered within the SLA / those whose SLA has passed."""

from collections.abc import Sequence

import numpy as np

from resonanz_streams.kpis.base import DEEP_WINDOWS, WINDOWS_MS, Column, Inputs, Kpi
from resonanz_streams.kpis.columns import NO_COMMENTS, SLA_NOT_PASSED, SLA_TOO_LONG, net_of, share_column, why
from resonanz_streams.net.talk import counted, talk


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """Of the comments in the window whose SLA has passed. An answer is an own actor's comment on it; a like
    is none. Wilson's interval.

    Absent without comments, where no SLA has passed yet, and where none can within the window as it is
    named: what it is longer by would be a handful, and another one every few minutes.
    """
    table, sla = net_of(inputs), inputs.clients.sla_ms
    said = table.once(talk)
    of_each = sla[said.accounts]
    too_long = sla >= WINDOWS_MS[window]
    recent = said.asked & (said.at_ms > inputs.start_ms(window))
    due = recent & (said.at_ms + of_each <= inputs.now_ms) & ~too_long[said.accounts]
    kept = due & (said.answered_ms <= said.at_ms + of_each)
    whole = counted(said.accounts[due], table.size).astype(float)
    answered = counted(said.accounts[kept], table.size).astype(float)
    missing = np.select(
        [too_long, counted(said.accounts[recent], table.size) > 0],
        [SLA_TOO_LONG, SLA_NOT_PASSED],
        why(NO_COMMENTS, inputs, window).astype(np.int64),
    ).astype(np.uint8)
    return [share_column(None, answered, whole, missing=missing)]


KPI = Kpi(
    id="response_rate",
    unit="ratio",
    help="Share of audience comments that were answered within the SLA.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    group="dialogue",
    formula="audience comments of the window answered within response_sla / those whose SLA has passed",
    numerator="comments answered within the SLA",
    denominator="comments whose SLA has passed",
    interval="Wilson",
    merge="share",
)
