"""How long people wait for an answer, those who still wait included."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from resonanz_streams.business_time import BusinessHours, openings
from resonanz_streams.kpis.base import DEEP_WINDOWS, Column, Inputs, Ints, Kpi
from resonanz_streams.kpis.columns import (
    NO_BUSINESS_HOURS,
    NO_COMMENTS,
    NONE,
    TOO_FEW_ANSWERED,
    net_of,
    why,
)
from resonanz_streams.net.talk import NEVER, counted, talk
from resonanz_streams.survival import survival_quantiles

_SHARES: Final = (0.5, 0.9, 0.95)
_PARTS: Final = (None, "p90", "p95")
_BUSINESS: Final = ("business", "business_p90", "business_p95")


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """Seconds from a comment in the window to its first answer: the median, and parts ``p90``, ``p95``; parts
    ``business``, ``business_p90``, ``business_p95``: the same of the client's business hours only.

    Who still waits counts as waiting at least so long (Kaplan–Meier, right-censored at now); a comment that
    was removed counts no more. ``numerator``: answered ones, ``denominator``: all. Null where too few are
    answered for the quantile to be known.
    """
    table, hours = net_of(inputs), inputs.clients.hours
    said = table.once(talk)
    places = np.flatnonzero(said.asked & (said.at_ms > inputs.start_ms(window)))
    accounts, asked_ms = said.accounts[places], said.at_ms[places]
    answered = said.answered_ms[places] < NEVER
    until_ms = np.minimum(said.answered_ms[places], inputs.now_ms)
    whole = counted(accounts, table.size).astype(np.float64)
    done = np.where(whole > 0, counted(accounts[answered], table.size), np.nan)
    some, missing = np.where(whole > 0, whole, np.nan), why(NO_COMMENTS, inputs, window)
    nothing, open_to = (
        np.full(table.size, np.nan),
        np.array([one is not None for one in hours], dtype=np.bool_),
    )
    columns = []
    for parts, waited in (
        (_PARTS, until_ms - asked_ms),
        (_BUSINESS, _business_ms(hours, accounts, asked_ms, until_ms)),
    ):
        values = survival_quantiles(accounts, waited, answered, table.size, _SHARES) / 1000
        for number, part in enumerate(parts):
            value = values[:, number]
            reason = np.where(whole == 0, missing, np.where(np.isnan(value), TOO_FEW_ANSWERED, NONE))
            if parts is _BUSINESS:
                value, reason = np.where(open_to, value, np.nan), np.where(open_to, reason, NO_BUSINESS_HOURS)
            columns.append(Column(part, value, nothing, nothing, done, some, reason.astype(np.uint8)))
    return columns


def _business_ms(hours: Sequence[BusinessHours | None], accounts: Ints, from_ms: Ints, to_ms: Ints) -> Ints:
    """How much of its account's business hours lies between each pair of instants; 0 where there are none."""
    numbers = {known: number for number, known in enumerate(dict.fromkeys(hours))}
    of = np.array([numbers[one] for one in hours], dtype=np.int64)[accounts]
    found = np.zeros(len(accounts), dtype=np.int64)
    for known, number in numbers.items():
        mine = np.flatnonzero(of == number)
        if known is not None and len(mine):
            asked, until = from_ms[mine], to_ms[mine]
            found[mine] = openings(known, int(asked.min()), int(until.max())).between(asked, until)
    return found


KPI = Kpi(
    id="time_to_first_response",
    unit="seconds",
    help="Median time from an audience comment to its first answer.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    most_parts=6,
    group="dialogue",
    formula="the median over the audience comments of the window of the time to the first answer",
    numerator="answered comments",
    denominator="comments",
    parts={
        "p90": "the time by which 90 % have an answer",
        "p95": "the time by which 95 % have an answer",
        "business": "the median of the time within business_hours only, in the client's zone",
        "business_p90": "90 % of the same",
        "business_p95": "95 % of the same",
    },
    shape="statistic",
)
