"""What the simulated audiences do: a pure function of seed, account and hour, as columns."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from resonanz_connectors.simulator_draws import (
    Floats,
    Ints,
    Keys,
    below,
    exponential,
    mixed,
    named,
    normal,
    poisson,
    uniform,
)
from resonanz_connectors.simulator_incidents import Planned
from resonanz_streams.registry import Account, Registry

HOUR_MS: Final = 3_600_000
LIKE, COMMENT, SHARE = 0, 1, 2
BOT, SPAM, BURST = 1, 2, 4
TEAM: Final = -1
BOTS_FROM: Final = 2**30

ACTIONS = np.dtype(
    [
        ("account", np.int32),
        ("kind", np.uint8),
        ("remove", np.bool_),
        ("at_ms", np.int64),
        ("seen_ms", np.int64),
        ("key", np.uint64),
        ("actor", np.int64),
        ("post", np.int64),
        ("parent", np.uint64),
        ("flags", np.uint8),
        ("venue", np.uint16),
    ]
)
Actions = NDArray[Any]
"""Rows of ACTIONS: one operation of one person. ``post`` is the number of the post it is about, -1 - n for
the own comment elsewhere of number n. Actors are numbers in a client's public, TEAM its own people.
``parent`` 0 is none. ``venue`` 0 is the account's own page, n the client's watched venue n - 1."""

# How an audience spreads over its day and week, each with mean 1.
_DAY: Final = np.array(
    [
        30,
        18,
        12,
        10,
        10,
        16,
        40,
        75,
        95,
        100,
        105,
        115,
        130,
        125,
        110,
        105,
        110,
        125,
        150,
        175,
        190,
        175,
        130,
        70,
    ],
    dtype=float,
)
_WEEK: Final = np.array([1.05, 1.08, 1.08, 1.05, 0.98, 0.82, 0.94])
_NOISE: Final = 0.25
_CASCADES_AN_HOUR: Final = 1 / 300
_CASCADE_MEAN_MS: Final = 2 * HOUR_MS
CASCADE_MOST_MS: Final = 24 * HOUR_MS
REMOVAL_MOST_MS: Final = 24 * HOUR_MS
NEVER: Final = 2**62
_OPEN, _CLOSE = 8, 18
_BOTS, _OF_THEM_IN_BURSTS = 40, 12


class Public:
    """The accounts as columns: their audiences, how busy they are, when they post."""

    def __init__(self, registry: Registry, accounts: Sequence[Account], seed: int, rate: float) -> None:
        self.keys: Keys = np.array([named("account", seed, account.id) for account in accounts], np.uint64)
        potential = np.array([_potential(registry, account) for account in accounts], dtype=np.float64)
        drawn = 10 ** (2.5 + 1.8 * uniform(self.keys, "potential"))
        people = np.where(potential > 0, potential, drawn)
        self.followers: Floats = np.maximum(20.0, people * (0.15 + 0.5 * uniform(self.keys, "followers")))
        spread = np.exp(0.3 * normal(self.keys, "busy"))
        # Small circles take more part, head by head, than large audiences.
        self.daily: Floats = rate * 0.09 * self.followers**0.9 * spread
        self.growth: Floats = 0.0004 * normal(self.keys, "growth")
        self.post_every: Ints = (HOUR_MS * (8 + 60 * uniform(self.keys, "posts"))).astype(np.int64)
        self.post_phase: Ints = (self.post_every * uniform(self.keys, "phase")).astype(np.int64)
        # Own comments on the pages of others.
        self.away_every: Ints = (HOUR_MS * (12 + 60 * uniform(self.keys, "away"))).astype(np.int64)
        self.away_phase: Ints = (self.away_every * uniform(self.keys, "away phase")).astype(np.int64)
        venues = [len(registry.clients[account.client].vocabulary.venues) for account in accounts]
        self.venues: Ints = np.array(venues, dtype=np.int64)
        likes = 0.70 + 0.18 * uniform(self.keys, "likes")
        self.likes: Floats = likes
        self.comments: Floats = likes + (1 - likes) * (0.4 + 0.4 * uniform(self.keys, "comments"))
        zones = [registry.clients[account.client].timezone for account in accounts]
        self.zones = sorted(set(zones))
        self.zone: Ints = np.array([self.zones.index(zone) for zone in zones], dtype=np.int64)

    def rhythm(self, hours: Ints) -> Floats:
        """(account, hour): the factor of the hour in the client's day and week."""
        factors = np.empty((len(self.zones), len(hours)))
        day = _DAY / _DAY.mean()
        for row, zone in enumerate(self.zones):
            for column, hour in enumerate(hours.tolist()):
                local = _local(zone, hour)
                factors[row, column] = day[local.hour] * _WEEK[local.weekday()]
        rhythm: Floats = factors[self.zone]
        return rhythm

    def closed(self, rows: Ints, at_ms: Ints) -> Ints:
        """0 where the client's people are at work, else the hours until they are."""
        first = int(at_ms.min(initial=NEVER)) // HOUR_MS
        hours = range(first, int(at_ms.max(initial=0)) // HOUR_MS + 1)
        until = np.zeros((len(self.zones), len(hours)), dtype=np.int64)
        for row, zone in enumerate(self.zones):
            for column, hour in enumerate(hours):
                local = _local(zone, hour).hour
                until[row, column] = 0 if _OPEN <= local < _CLOSE else (_OPEN - local) % 24
        closed: Ints = until[self.zone[rows], at_ms // HOUR_MS - first]
        return closed

    def followers_at(self, hour: int) -> Ints:
        """Slow growth or loss, with small steps; an hour's figure is always the same."""
        days = (hour - _YEAR_2026) / 24
        wobble = 0.0008 * normal(below(self.keys, np.array([hour], dtype=np.uint64)), "snapshot")
        return np.rint(self.followers * np.exp(self.growth * days) * (1 + wobble)).astype(np.int64)

    def post_at(self, rows: Ints, at_ms: Ints) -> Ints:
        """The number of the newest post at that time."""
        numbers: Ints = (at_ms - self.post_phase[rows]) // self.post_every[rows]
        return numbers

    def away_at(self, rows: Ints, at_ms: Ints) -> Ints:
        """The number of the newest own comment elsewhere at that time."""
        numbers: Ints = (at_ms - self.away_phase[rows]) // self.away_every[rows]
        return numbers

    def venue_of(self, rows: Ints, causes: Keys) -> Ints:
        """Which watched venue something elsewhere is at; 1 where the client watches none."""
        return 1 + np.floor(self.venues[rows] * uniform(causes, "which venue")).astype(np.int64)

    def away_venue(self, rows: Ints, numbers: Ints) -> Ints:
        """The venue of an own comment elsewhere."""
        return self.venue_of(rows, below(self.keys[rows], numbers.astype(np.uint64)))


def _local(zone: str, hour: int) -> datetime:
    return (_EPOCH + timedelta(hours=hour)).astimezone(ZoneInfo(zone))


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_2026: Final = (datetime(2026, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(hours=1)


def _potential(registry: Registry, account: Account) -> int:
    """The newest figure configured; 0 if none."""
    steps = registry.clients[account.client].potential
    return steps[-1][1] if steps else 0


def originals(public: Public, hours: Ints, incidents: Sequence[Planned]) -> Actions:
    """Every first act that has its cause in these hours; cascades run on for up to 24 h after them."""
    cells = below(public.keys[:, None], hours.astype(np.uint64)[None, :])
    noise = np.exp(_NOISE * normal(cells, "noise") - _NOISE**2 / 2)
    means = (public.daily / 24)[:, None] * public.rhythm(hours) * noise
    counts = poisson(cells, "count", means)
    rows, columns = np.nonzero(counts)
    acts, places = _acts(rows, cells[rows, columns], counts[rows, columns])
    begin = hours[columns][places] * HOUR_MS
    acts["at_ms"] = begin + (HOUR_MS * uniform(acts["key"], "minute")).astype(np.int64)
    _describe(public, acts, back=0.7, shares=1.0)
    parts = [acts, _cascades(public, hours, cells)]
    parts.extend(_viral(public, incident, hours) for incident in incidents if incident.kind == "viral")
    return heard(np.concatenate(parts), incidents)


def _acts(rows: Ints, causes: Keys, counts: Ints) -> tuple[Actions, Ints]:
    """``counts`` acts for each cause, and the index of the cause of each."""
    places = np.repeat(np.arange(len(counts)), counts)
    ordinals = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
    acts = np.zeros(len(places), dtype=ACTIONS)
    acts["account"] = rows[places]
    acts["key"] = below(causes[places], ordinals.astype(np.uint64) + np.uint64(1))
    return acts, places


def _cascades(public: Public, hours: Ints, cells: Keys) -> Actions:
    rows, columns = np.nonzero(uniform(cells, "cascade") < _CASCADES_AN_HOUR)
    causes = mixed(cells[rows, columns])
    reach = np.minimum(20.0, (1 - uniform(causes, "reach")) ** (-1 / 1.5))
    counts = np.rint(0.4 * public.daily[rows] * reach).astype(np.int64)
    acts, places = _acts(rows, causes, counts)
    begin = hours[columns] * HOUR_MS + (HOUR_MS * uniform(causes, "minute")).astype(np.int64)
    delay = exponential(acts["key"], "delay", _CASCADE_MEAN_MS, CASCADE_MOST_MS)
    acts["at_ms"] = begin[places] + delay.astype(np.int64)
    _describe(public, acts, back=0.0, shares=2.5)
    acts["post"] = public.post_at(rows, begin)[places]
    return acts


def _viral(public: Public, incident: Planned, hours: Ints) -> Actions:
    if incident.from_ms // HOUR_MS not in hours:
        return np.zeros(0, dtype=ACTIONS)
    causes = below(public.keys[incident.rows], np.array([incident.from_ms], dtype=np.uint64))
    counts = np.full(len(causes), incident.size)
    acts, places = _acts(incident.rows, causes, counts)
    length = incident.to_ms - incident.from_ms
    delay = exponential(acts["key"], "delay", length / 2, min(length, CASCADE_MOST_MS))
    acts["at_ms"] = incident.from_ms + delay.astype(np.int64)
    _describe(public, acts, back=0.0, shares=2.5)
    begin = np.full(len(causes), incident.from_ms)
    acts["post"] = public.post_at(incident.rows, begin)[places]
    return acts


def _describe(public: Public, acts: Actions, *, back: float, shares: float) -> None:
    """Who does what with which post. ``shares`` weighs sharing against the rest."""
    rows, keys = acts["account"].astype(np.int64), acts["key"]
    choice = uniform(keys, "kind")
    passed_on = 1 - (1 - public.comments[rows]) * shares
    kinds = np.where(choice < public.likes[rows], LIKE, COMMENT)
    acts["kind"] = np.where(choice >= passed_on, SHARE, kinds)
    people(public, acts)
    older = np.floor(-back * np.log1p(-uniform(keys, "older"))) if back else 0
    acts["post"] = public.post_at(rows, acts["at_ms"]) - np.asarray(older, dtype=np.int64)
    _elsewhere(public, acts)


def people(public: Public, acts: Actions) -> None:
    """Who they are: mostly those who often take part, sometimes bots."""
    keys = acts["key"]
    circle = public.followers[acts["account"].astype(np.int64)]
    acts["actor"] = (circle * uniform(keys, "actor") ** 1.6).astype(np.int64)
    bots = uniform(keys, "bot") < 0.02
    number = (_BOTS * uniform(keys[bots], "which")).astype(np.int64)
    acts["actor"][bots] = BOTS_FROM + number
    acts["flags"] = BOT * bots + SPAM * (bots & (acts["kind"] == COMMENT))
    acts["flags"][bots] |= BURST * (number < _OF_THEM_IN_BURSTS).astype(np.uint8)


def _elsewhere(public: Public, acts: Actions) -> None:
    """A few are elsewhere: half of them about a post that was passed on, half about an own comment there."""
    places = np.flatnonzero(uniform(acts["key"], "venue") < 0.04)
    few = acts[places]
    rows = few["account"].astype(np.int64)
    about = uniform(few["key"], "about") < 0.5
    numbers = public.away_at(rows, few["at_ms"])
    acts["venue"][places] = np.where(
        about, public.away_venue(rows, numbers), public.venue_of(rows, few["key"])
    )
    acts["post"][places] = np.where(about, -1 - numbers, few["post"])


def gone_ms(acts: Actions) -> Ints:
    """When each is removed; NEVER for most."""
    keys = acts["key"]
    gone = np.full(len(acts), NEVER)
    few = np.flatnonzero(uniform(keys, "removed") < 0.03)
    stay = exponential(keys[few], "gone", HOUR_MS, REMOVAL_MOST_MS - 10_000)
    gone[few] = acts["at_ms"][few] + 5_000 + stay.astype(np.int64)
    return gone


def heard(acts: Actions, incidents: Sequence[Planned]) -> Actions:
    """Without what a drop keeps people from doing."""
    for incident in incidents:
        if incident.kind == "drop":
            acts = acts[~_silenced(acts, incident)]
    return acts


def _silenced(acts: Actions, incident: Planned) -> NDArray[np.bool_]:
    during = (acts["at_ms"] >= incident.from_ms) & (acts["at_ms"] < incident.to_ms)
    lost: NDArray[np.bool_] = (
        during & np.isin(acts["account"], incident.rows) & (uniform(acts["key"], "drop") >= incident.factor)
    )
    return lost
