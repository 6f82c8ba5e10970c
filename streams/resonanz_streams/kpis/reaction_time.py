"""How soon people react to a post."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from resonanz_streams.kpis.base import DEEP_WINDOWS, Column, Floats, Inputs, Ints, Kpi
from resonanz_streams.kpis.columns import NO_INTERACTIONS, NONE, Reasons, net_of, why
from resonanz_streams.net.posts import posts


def compute(inputs: Inputs, window: str) -> Sequence[Column]:
    """Seconds from an own post to each interaction of the window on it: the median, and parts ``p90``;
    ``half_life``: the median over those posts of the time by which half of the window's interactions on each
    had come; ``hour:00`` … ``hour:23``: the median by the hour of the client's day in which the post was
    published.

    Quantiles between two values are interpolated linearly. An interaction before its post took 0 s. Totals
    are many interactions whose times nobody knows: they are left out. ``denominator``: interactions, or
    posts.
    """
    table = net_of(inputs)
    own = table.once(posts)
    single = table.weights[own.interactions] == 1
    recent = single & (table.at_ms[own.interactions] > inputs.start_ms(window))
    rows, of = own.interactions[recent], own.of[recent]
    delay = np.maximum(0, table.at_ms[rows] - own.at_ms[of])
    accounts = table.accounts[rows]
    per_post, halves = grouped_quantile(of, delay, 0.5)
    missing = why(NO_INTERACTIONS, inputs, window)
    columns = [
        _dense(None, accounts, delay, 0.5, missing),
        _dense("p90", accounts, delay, 0.9, missing),
        _dense("half_life", own.accounts[per_post], halves, 0.5, missing),
    ]
    hours = _hours(own.at_ms, own.accounts, inputs.clients.zones)[of]
    spots, values = grouped_quantile(accounts * 24 + hours, delay, 0.5)
    many = np.bincount(np.searchsorted(spots, accounts * 24 + hours), minlength=len(spots)).astype(float)
    none = np.full(len(spots), np.nan)
    reason = np.full(len(spots), NONE, dtype=np.uint8)
    parts = [f"hour:{hour:02d}" for hour in (spots % 24).tolist()]
    return [*columns, Column(None, values / 1000, none, none, none, many, reason, spots // 24, parts)]


def grouped_quantile(groups: Ints, values: Ints | Floats, share: float) -> tuple[Ints, Floats]:
    """The distinct groups, ascending, and the quantile of each one's values, as numpy's ``linear`` has it."""
    order = np.lexsort((values, groups))
    groups, ordered = groups[order], values[order].astype(np.float64)
    distinct, first, many = np.unique(groups, return_index=True, return_counts=True)
    place = (many - 1) * share
    below = np.floor(place).astype(np.int64)
    low = ordered[first + below] if len(first) else ordered
    high = ordered[first + np.minimum(below + 1, many - 1)] if len(first) else ordered
    return distinct, low + (high - low) * (place - below)


def _dense(part: str | None, accounts: Ints, values: Ints | Floats, share: float, missing: Reasons) -> Column:
    """The quantile of each account's values, of milliseconds in seconds; ``missing``: why there are none."""
    size = len(missing)
    value, none = np.full(size, np.nan), np.full(size, np.nan)
    distinct, found = grouped_quantile(accounts, values, share)
    value[distinct] = found / 1000
    many = np.bincount(accounts, minlength=size).astype(np.float64)
    reason = np.where(many > 0, NONE, missing).astype(np.uint8)
    return Column(part, value, none, none, none, np.where(many > 0, many, np.nan), reason)


def _hours(at_ms: Ints, accounts: Ints, zones: Sequence[str]) -> Ints:
    """The hour of the client's day. By the quarter of an hour, since no zone's offset changes within one."""
    names = sorted(set(zones))
    number = {name: place for place, name in enumerate(names)}
    zone = np.array([number[name] for name in zones], dtype=np.int64)
    spots, place = np.unique(at_ms // 900_000 * len(names) + zone[accounts], return_inverse=True)
    found = [
        datetime.fromtimestamp(spot // len(names) * 900, ZoneInfo(names[spot % len(names)])).hour
        for spot in spots.tolist()
    ]
    return np.array(found, dtype=np.int64)[place]


KPI = Kpi(
    id="reaction_time",
    unit="seconds",
    help="Median time from an own post to an interaction on it.",
    windows=DEEP_WINDOWS,
    compute=compute,
    deep=True,
    most_parts=27,
    group="dialogue",
    formula="the median time from an own post, on the account's own pages and of the last 28 days, to each "
    "interaction of the window on it or in its thread",
    denominator="interactions (of half_life: posts)",
    parts={
        "p90": "the time by which 90 % had come",
        "half_life": "the median over posts of the time by which half of the window's interactions had come",
        "hour:…": "the median of the posts published in that hour of the client's day",
    },
    shape="statistic",
)
