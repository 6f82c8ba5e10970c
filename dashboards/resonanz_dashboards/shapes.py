"""The answers of the API, as /openapi.json describes them. The API writes them without these classes."""

from typing import Literal

from pydantic import BaseModel

Window = Literal["1m", "5m", "15m", "1h", "24h", "7d", "28d"]
State = Literal["ok", "partial", "stale", "no_data"]


class Problem(BaseModel):
    """RFC 9457: what is wrong and what to do."""

    type: str
    title: str
    status: int
    detail: str


class Voice(BaseModel):
    """A client's brand, and the set of brands of this version that its share of voice is counted within."""

    version: str
    brand: str
    brands: list[str]


class Exclusion(BaseModel):
    """What is left out of an account's authentic figures and why: from ``from_ms`` on, before ``to_ms``
    (null: no bound), of so many ``actors`` (null: of everybody), with one of ``flags`` (empty: or none).
    """

    account: str
    from_ms: int | None
    to_ms: int | None
    actors: int | None
    flags: list[str]
    reason: str
    by: str | None


class Client(BaseModel):
    """``potential``: people that the client could reach, now. ``venues``: those that it watches; what happens
    anywhere else is ``venue:other``."""

    client: str
    name: str
    timezone: str
    potential: int | None
    venues: list[str]
    voice: Voice | None
    platforms: list[str]
    accounts: int
    exclusions: list[Exclusion]


class Clients(BaseModel):
    """All clients that the viewer may see."""

    clients: list[Client]


class Connector(BaseModel):
    """What a connector last said about an account; all is published up to ``complete_through_ms``."""

    connector: str
    state: Literal["ok", "degraded", "down"]
    at_ms: int
    complete_through_ms: int
    last_event_ms: int | None
    ended: bool


class Account(BaseModel):
    """``state``: no_data (no figures, or nothing covered), stale (over 60 s old), partial (coverage of the
    24 h window under 0.95) or ok. With event time ``age_ms`` is at least the time since figures arrived.
    """

    account: str
    client: str
    platform: str
    handle: str | None
    at_ms: int | None
    age_ms: int | None
    coverage: float | None
    state: State
    connectors: list[Connector]


class Feed(BaseModel):
    """Whether figures still come in. With event time ``now_ms`` is the newest figures' time;
    ``wall_ms`` is the clock's either way.
    """

    boot: str
    now_ms: int
    wall_ms: int
    clock: Literal["wall", "event"]
    feed: Literal["starting", "live", "away"]
    feed_detail: str
    feed_since_ms: int


class Accounts(Feed):
    """One page of accounts; ``next`` goes into ``after`` for the one behind it, null at the end."""

    accounts: list[Account]
    total: int
    next: str | None


class Row(BaseModel):
    """One KPI over one window, tidy: the same columns as ``resonanz backtest`` writes.

    ``at_ms``: deep KPIs may be older than the account's other figures.
    """

    at_ms: int
    client: str
    platform: str
    account: str
    kpi: str
    window: Window
    part: str | None
    value: float | None
    lo: float | None
    hi: float | None
    numerator: float | None
    denominator: float | None
    coverage: float | None
    reason: str | None


class AccountKpis(Account):
    """An account and its figures."""

    kpis: list[Row]


class GroupRow(BaseModel):
    """One KPI over one window of several accounts, ``accounts`` of which have entered; no figure of theirs is
    older than ``at_ms``. ``coverage``: the mean over all accounts, 0 for those that have not entered.
    """

    at_ms: int | None
    client: str | None
    platform: str | None
    kpi: str
    window: Window
    part: str | None
    value: float | None
    lo: float | None
    hi: float | None
    numerator: float | None
    denominator: float | None
    coverage: float | None
    reason: str | None
    accounts: int


class GroupKpis(BaseModel):
    """Several accounts together. ``stale``: those whose figures are over 60 s old or missing: they do not
    enter, and ``state`` is then partial at best. ``at_ms``: of the newest figures.
    """

    client: str | None
    platform: str | None
    at_ms: int | None
    coverage: float | None
    state: State
    accounts: int
    stale: list[str]
    kpis: list[GroupRow]


class Kpi(BaseModel):
    """What a figure means. ``unit``: "" for a number. ``deep``: computed from all that stands, every quarter
    of a minute or so. ``numerator``, ``denominator``: what they are, "" without one. ``interval``: whose, ""
    if it has none. ``parts``: what each is; ``topic:…`` stands for those of all topics.
    """

    kpi: str
    unit: Literal["", "per_minute", "per_1000", "ratio", "seconds"]
    help: str
    windows: list[Window]
    deep: bool
    group: str
    formula: str
    numerator: str
    denominator: str
    interval: str
    parts: dict[str, str]
    shape: Literal["quotient", "total", "statistic"]


class Kpis(BaseModel):
    """All KPIs that this wall knows; an account's figures may hold others, which its worker added.

    ``reasons``: why a value or its interval is null, for a person.
    """

    kpis: list[Kpi]
    reasons: dict[str, str]


class Post(BaseModel):
    """``post``: what its platform calls it. ``over_performance``: its interactions over ``expected``, those
    of the account's posts before it at the same age; see the KPI of that name.
    """

    post: str
    interactions: float | None
    expected: float | None
    over_performance: float | None
    lo: float | None
    hi: float | None
    coverage: float | None
    reason: str | None


class Posts(BaseModel):
    """The posts with most interactions first. ``reason``: why nothing can be said of posts at all."""

    account: str
    window: Literal["24h", "7d", "28d"]
    at_ms: int | None
    posts: list[Post]
    reason: str | None


class Prior(BaseModel):
    """What is usual, per 1,000: mean and standard deviation of the rates of so many ``accounts``, those of
    the account's cohort (platform and decade of followers), of its platform, or all that the viewer may see.
    """

    level: Literal["cohort", "platform", "all"]
    accounts: int
    mean: float
    deviation: float


class Ranked(BaseModel):
    """``value``: the shrunken rate, ``weight`` · ``raw`` + (1 − ``weight``) · the prior's mean; ``lo`` and
    ``hi`` are those of the raw rate.
    """

    rank: int
    client: str
    platform: str
    account: str
    at_ms: int
    value: float
    weight: float
    raw: float
    lo: float
    hi: float
    numerator: float
    denominator: float
    coverage: float
    prior: Prior


class Unranked(BaseModel):
    """An account without a rate; ``reason``: stale, or why its figure is null."""

    client: str
    platform: str
    account: str
    reason: str


class Ranking(BaseModel):
    """Accounts by their shrunken rates per 1,000, the highest first."""

    kpi: str
    window: Window
    method: Literal["shrunken"]
    unit: Literal["per_1000"]
    accounts: list[Ranked]
    unranked: list[Unranked]


class Velocities(BaseModel):
    """Interactions a minute at ``times_ms``, oldest first: of all accounts asked for, and of single ones."""

    times_ms: list[int]
    total: list[float | None]
    accounts: dict[str, list[float | None]]


class Health(BaseModel):
    """The process is alive. ``configuration``: whether it goes by what stands in the file now, or has refused
    that, for the reason in its log."""

    status: Literal["ok"]
    configuration: Literal["current", "refused"]


class Ready(BaseModel):
    """Everything the wall shows can be relied on."""

    status: Literal["ready"]
