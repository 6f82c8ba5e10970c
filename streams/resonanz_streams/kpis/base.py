"""What a KPI is given and what it gives: columns over the accounts of a partition."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resonanz_streams.business_time import BusinessHours

if TYPE_CHECKING:
    from resonanz_streams.net.suspects import Screening
    from resonanz_streams.net.table import NetTable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FollowersAt = Callable[[Ints, Ints], Floats]

WINDOWS_MS: Final[dict[str, int]] = {
    "1m": 60_000,
    "5m": 300_000,
    "15m": 900_000,
    "1h": 3_600_000,
    "24h": 86_400_000,
    "7d": 7 * 86_400_000,
    "28d": 28 * 86_400_000,
}
WINDOWS: Final = tuple(WINDOWS_MS)
DEEP_WINDOWS: Final = ("24h", "7d", "28d")
"""Of KPIs that are computed from all that stands."""

WHY: Final[Mapping[str, str]] = {
    "": "",
    "no_followers": "nobody told the followers, or there are none",
    "no_potential": "the client has no potential that is valid now",
    "not_covered": "nothing of the window was watched: that nothing was counted, or nothing to divide by, "
    "proves nothing",
    "negative_count": "falling totals have made a count negative, or a part larger than its whole",
    "no_interactions": "there were none to divide by",
    "no_posts": "none was published in the window",
    "no_comments": "no comment by the audience",
    "no_target_list": "the client has no target_list, or an empty one",
    "sla_not_passed": "there are comments, but each may still be answered in time",
    "sla_longer_than_window": "response_sla is as long as the window's name says or longer: a comment leaves "
    "before it is due",
    "membership_unknown": "nobody told who the followers are",
    "too_few_answered": "so many still wait that the quantile is not known yet",
    "none_waiting": "all comments are answered, so none is the oldest that waits",
    "no_brands": "the client has no brand set (voice)",
    "no_business_hours": "the client has no business_hours",
    "not_mergeable": "of several accounts together: it does not follow from the figures of each; or the "
    "value does, but not its interval",
    "no_reach": "nobody told the reach of the posts, or it is 0",
    "no_impressions": "nobody told the impressions of the posts, or they are 0",
    "too_few_posts": "fewer than four posts before it",
    "no_comments_elsewhere": "no own comment elsewhere was published in the window",
    "topics_too_small": "no topic has 5 interactions by 3 people",
    "too_few_days": "fewer than 7 of the 27 days before were watched: there is nothing to compare with",
    "cohort_too_small": "fewer than 8 accounts of 3 clients can be compared, or more than half are one "
    "client's",
    "not_shared": "the client did not agree to be compared (benchmarks)",
    "beyond_horizon": "the period begins before what is remembered, 28 days at most",
}
"""Why a value or its interval is null, for a person."""

REASONS: Final = tuple(WHY)
"""A column holds indices into this tuple, 0 for none."""

EMPTY: Final = frozenset(
    ("no_interactions", "no_posts", "no_comments", "no_comments_elsewhere", "sla_not_passed", "none_waiting"),
)
"""Reasons that say that there is nothing, and not that nobody knows: in a sum such an account counts as 0."""

Merge = Literal["count", "sum", "rate", "share", "mean", "potential", "time", "max", "people", "targets"]
"""How figures of accounts become one of all of them: see :mod:`resonanz_streams.aggregates`."""
AUTHENTIC: Final = "authentic"
"""What parts without suspects are called; of a kind ``authentic:like``."""

LIKE, COMMENT, SHARE, POST, REMOVED = range(5)
"""Columns of ``Inputs.counts``: net likes, comments, shares, own posts; and interactions since removed."""

Place = tuple[str, str, str | None]
"""Of a value among those of an account: KPI, window, part."""

INTERACTIONS: Final = slice(LIKE, POST)
"""The columns of likes, comments and shares."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that the KPIs of n accounts are computed from, as of ``now_ms``; axis 0 is always the account.

    ``counts[w]``: shape (n, 5), see the column names above; own actors are left out.
    ``length_ms[w]``: the window's real length, never shorter than its name.
    ``peak_per_minute``: the busiest 5 min bucket of the last 24 h, in interactions a minute.
    ``followers[w]``: time-weighted mean over the part of the window in which they are known; NaN if none.
    ``potential``: people the account's client could reach, at ``now_ms``; NaN if unknown.
    ``coverage[w]``: 0 to 1, the share of the window that was watched completely.
    ``kpis``: those that are wanted, None for all. ``net``: what stands, for those KPIs that are ``deep``;
    ``followers_at(rows, times)``: the followers that accounts had then, NaN where nobody knows;
    ``days(window)``: shape (n, 27), whether the window as it was 1 … 27 days ago was watched;
    ``covered(place, begin, end)``: of each account the share of its (begin, end] that was watched completely;
    an audit, which has no heartbeats, takes it from the entry at that place.
    """

    now_ms: int
    counts: Mapping[str, Ints]
    length_ms: Mapping[str, int]
    peak_per_minute: Callable[[], Floats]
    followers: Mapping[str, Floats]
    potential: Floats
    coverage: Mapping[str, Floats]
    clients: "Clients"
    net: "NetTable | None" = None
    followers_at: FollowersAt | None = None
    days: Callable[[str], NDArray[np.bool_]] | None = None
    covered: Callable[[Place, Ints, Ints], Floats] | None = None
    kpis: "Sequence[Kpi] | None" = None

    def start_ms(self, window: str) -> int:
        """Where a window begins, exclusive."""
        return self.now_ms - self.length_ms[window]


MOST_BRANDS: Final = 20
"""In a brand set."""

VOCABULARY_SIZE: Final = 250
"""Topics that a client may have: each of them has a part, and all figures must fit into one record."""


class Voice(NamedTuple):
    """A client's brand and the fixed set of brands, itself among them, that it is compared with.

    ``version`` names the set. Brands are topics of the client's vocabulary.
    """

    version: str
    brand: str
    brands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clients:
    """What the configuration says of each account's client, one entry an account.

    ``sla_ms``: how soon a comment should be answered; ``targets``: the people of the target list, as
    :data:`resonanz_streams.details.ACTOR` has them, ascending; ``zones``: the time zone's name;
    ``voices``: its brand set, None without one; ``hours``: when somebody is there to answer, None where
    nobody said; ``weights``: (n, 3), of a like, a comment and a share; ``screening``: what is suspect and
    what is excluded; ``several``: whether it has other accounts, None if nobody asks.
    """

    sla_ms: Ints
    targets: Sequence[NDArray[np.uint64]]
    zones: Sequence[str]
    voices: "Sequence[Voice | None]"
    hours: Sequence[BusinessHours | None]
    weights: Floats
    screening: "Screening"
    several: NDArray[np.bool_] | None = None

    def of(self, rows: NDArray[np.intp]) -> "Clients":
        """Those of some accounts."""
        chosen = rows.tolist()
        return Clients(
            self.sla_ms[rows],
            [self.targets[row] for row in chosen],
            [self.zones[row] for row in chosen],
            [self.voices[row] for row in chosen],
            [self.hours[row] for row in chosen],
            self.weights[rows],
            self.screening.of(chosen),
            None if self.several is None else self.several[rows],
        )


@dataclass(frozen=True, slots=True)
class Column:
    """One part of a KPI over one window, for n accounts. NaN means null; ``reason`` says why.

    With ``rows`` it holds parts of some accounts only: value i is of account ``rows[i]`` and of part
    ``parts[i]``; an account may come several times. ``part`` is then None, or the part of all of them.
    ``coverage``: where the values are not about the window as a whole.
    """

    part: str | None
    value: Floats
    lo: Floats
    hi: Floats
    numerator: Floats
    denominator: Floats
    reason: NDArray[np.uint8]
    rows: Ints | None = None
    parts: Sequence[str] = ()
    coverage: Floats | None = None

    def covered(self, coverage: Mapping[str, Floats], window: str) -> Floats:
        """What stands beside each value, where ``coverage`` is that of the windows."""
        if self.coverage is not None:
            return self.coverage
        return coverage[window] if self.rows is None else coverage[window][self.rows]


@dataclass(frozen=True, slots=True)
class Kpi:
    """A KPI: its id (the module's name), unit, help text, windows, and the function that computes it.

    ``unit`` is the suffix of its metric name, "" for counts. ``deep``: it is computed from ``Inputs.net``, so
    less often than once a tick. ``daily``: it compares with the same window of earlier days. ``most_parts``:
    into how many parts an account's value falls at most. ``from_audience``: it needs snapshots of topic
    audience. ``api_only``: it is told of single posts, which are too many to be series. ``authentic``: it has
    parts without what is suspect, too; see :mod:`resonanz_streams.authentic`. ``own_coverage``: its
    columns bear one of their own.
    ``compute(inputs, window)`` is pure: same inputs, same columns, bit for bit.

    For people who check a figure: ``group``, ``formula``, what ``numerator`` and ``denominator`` are ("": it
    has none), whose ``interval`` it has ("": none), and what each of its ``parts`` is, where ``topic:…``
    stands for those of all topics. ``shape`` says how the value comes about: of a *quotient* it is numerator
    / denominator (a thousand times that, with the unit per_1000), of a *total* the numerator, of a
    *statistic* neither, and the denominator is of how many things.
    ``merge``: how the figures of several accounts become one; ``merge_parts``: of parts that become one
    otherwise; ``beside``: of parts that only some accounts have, the one with the same denominator;
    ``within_client``: other clients' figures are of other things, so of several clients they are not merged.
    """

    id: str
    unit: Literal["", "per_minute", "per_1000", "ratio", "seconds"]
    help: str
    windows: Sequence[str]
    compute: Callable[[Inputs, str], Sequence[Column]]
    deep: bool = False
    daily: bool = False
    most_parts: int = 1
    authentic: bool = False
    own_coverage: bool = False
    group: str = "custom"
    formula: str = ""
    numerator: str = ""
    denominator: str = ""
    interval: str = ""
    parts: Mapping[str, str] = field(default_factory=dict, hash=False)
    shape: Literal["quotient", "total", "statistic"] = "quotient"
    merge: Merge | None = None
    merge_parts: Mapping[str, Merge | None] = field(default_factory=dict, hash=False)
    beside: Mapping[str, str] = field(default_factory=dict, hash=False)
    within_client: bool = False
    from_audience: bool = False
    api_only: bool = False

    def means(self, part: str) -> str:
        """What a part is; "" if it does not say."""
        name, colon, rest = part.partition(":")
        if name == AUTHENTIC:
            return f"{self.means(rest) or 'the whole'}, without what is suspect or excluded"
        return self.parts.get(part) or self.parts.get(f"{name}{colon}…", "")
