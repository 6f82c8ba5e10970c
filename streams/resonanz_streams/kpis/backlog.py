"""What waits for an answer."""

from collections.abc import Sequence

import numpy as np

from resonanz_streams.kpis.base import DEEP_WINDOWS, WINDOWS_MS, Column, Floats, Inputs, Kpi
from resonanz_streams.kpis.columns import NO_COMMENTS, NONE, NONE_WAITING, SLA_TOO_LONG, Reasons, net_of, why
from resonanz_streams.net.talk import NEVER, counted, talk


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """Audience comments of the window without an answer; part ``oldest_age``: seconds that the oldest of them
    has waited (null if none does); part ``sla_breaches``: those whose SLA has passed.

    These are all of them, so there is no interval. ``denominator``: audience comments of the window. A
    removed comment waits no more. Null where nobody watched and no comment came; breaches also where the
    SLA is not shorter than the window's name: they could only be 0, or of what it is longer by.
    """
    table = net_of(inputs)
    said = table.once(talk)
    asked = said.asked & (said.at_ms > inputs.start_ms(window))
    waiting = asked & (said.answered_ms == NEVER)
    late = waiting & (said.at_ms + inputs.clients.sla_ms[said.accounts] <= inputs.now_ms)
    whole = counted(said.accounts[asked], table.size).astype(float)
    oldest = np.full(table.size, np.nan)
    np.fmin.at(oldest, said.accounts[waiting], said.at_ms[waiting].astype(np.float64))
    watched = inputs.coverage[window] > 0
    seen = watched | (whole > 0)
    null = np.where(whole > 0, NONE_WAITING, why(NO_COMMENTS, inputs, window)).astype(np.uint8)
    in_time = inputs.clients.sla_ms < WINDOWS_MS[window]
    breaches = np.where(in_time, counted(said.accounts[late], table.size), np.nan)
    too_long = np.where(seen & ~in_time, SLA_TOO_LONG, null).astype(np.uint8)
    return [
        _column(part, np.where(seen, value, np.nan), whole, reason)
        for part, value, reason in (
            (None, counted(said.accounts[waiting], table.size), null),
            ("oldest_age", (inputs.now_ms - oldest) / 1000, null),
            ("sla_breaches", breaches, too_long),
        )
    ]


def _column(part: str | None, value: Floats, whole: Floats, null: Reasons) -> Column:
    none = np.full(len(value), np.nan)
    reason = np.where(np.isnan(value), null, NONE).astype(np.uint8)
    return Column(part, value, none, none, value, whole, reason)


KPI = Kpi(
    id="backlog",
    unit="",
    help="Audience comments that nobody has answered.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    most_parts=3,
    group="dialogue",
    formula="audience comments of the window without an answer",
    numerator="comments without an answer (of oldest_age: seconds)",
    denominator="comments",
    parts={
        "oldest_age": "seconds that the oldest of them has waited",
        "sla_breaches": "those whose response_sla has passed",
    },
    shape="total",
    merge="sum",
    merge_parts={"oldest_age": "max"},
)
