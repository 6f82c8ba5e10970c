"""How long people wait for an answer, those who still wait included."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from resonanz_streams.kpis.base import DEEP_WINDOWS, Column, Floats, Inputs, Ints, Kpi
from resonanz_streams.kpis.columns import NO_COMMENTS, NONE, TOO_FEW_ANSWERED, net_of, why
from resonanz_streams.net.talk import NEVER, talk
from resonanz_streams.net_states import Flags

QUANTILES: Final[dict[str | None, float]] = {None: 0.5, "p90": 0.9, "p95": 0.95}
_ROUNDING: Final = 1e-12


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """Seconds from a comment in the window to its first answer: the median, and parts ``p90``, ``p95``.

    Who still waits counts as waiting at least so long (Kaplan–Meier, right-censored at now); a comment that
    was removed counts no more. ``numerator``: answered ones, ``denominator``: all. Null where too few are
    answered for the quantile to be known.
    """
    table = net_of(inputs)
    said = table.once(talk)
    places = np.flatnonzero(said.asked & (said.at_ms > inputs.start_ms(window)))
    places = places[np.argsort(said.accounts[places], kind="stable")]
    answered = said.answered_ms[places] < NEVER
    waited = np.minimum(said.answered_ms[places], inputs.now_ms) - said.at_ms[places]
    edges = np.searchsorted(said.accounts[places], np.arange(table.size + 1))
    values = np.full((table.size, len(QUANTILES)), np.nan)
    for row in np.flatnonzero(np.diff(edges)).tolist():
        mine = slice(edges[row], edges[row + 1])
        values[row] = quantiles(waited[mine], answered[mine], list(QUANTILES.values()))
    whole = np.diff(edges).astype(np.float64)
    done = np.bincount(said.accounts[places][answered], minlength=table.size).astype(np.float64)
    nothing, missing = np.full(table.size, np.nan), why(NO_COMMENTS, inputs, window)
    return [
        Column(
            part,
            values[:, number] / 1000,
            nothing,
            nothing,
            np.where(whole > 0, done, np.nan),
            np.where(whole > 0, whole, np.nan),
            np.where(whole == 0, missing, np.where(np.isnan(values[:, number]), TOO_FEW_ANSWERED, NONE)),
        )
        for number, part in enumerate(QUANTILES)
    ]


def quantiles(waited: Ints, answered: Flags, shares: Sequence[float]) -> Floats:
    """For each share the time by which at least so many have an answer, NaN if that is not known.

    Source: E. L. Kaplan, P. Meier, Nonparametric Estimation from Incomplete Observations, JASA 53 (1958).
    """
    times, place = np.unique(waited[answered], return_inverse=True)
    if not len(times):
        return np.full(len(shares), np.nan)
    events = np.bincount(place)
    # Who waited as long as the time of an answer, or longer, was at risk then.
    at_risk = len(waited) - np.searchsorted(np.sort(waited), times)
    surviving = np.cumprod(1 - events / at_risk)
    found = [np.flatnonzero(surviving <= 1 - share + _ROUNDING) for share in shares]
    return np.array([times[first[0]] if len(first) else np.nan for first in found], dtype=np.float64)


KPI = Kpi(
    id="time_to_first_response",
    unit="seconds",
    help="Median time from an audience comment to its first answer.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    most_parts=3,
    group="dialogue",
    formula="the median over the audience comments of the window of the time to the first answer",
    numerator="answered comments",
    denominator="comments",
    parts={
        "p90": "the time by which 90 % have an answer",
        "p95": "the time by which 95 % have an answer",
    },
    shape="statistic",
)
