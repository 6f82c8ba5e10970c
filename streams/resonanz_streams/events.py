"""What travels through the topics: the shapes of every record, version 1.

Encoding writes compact UTF-8 JSON without the fields that hold their default, so that a line stays
short and any Kafka tool can read it. Decoding of whole runs is in :mod:`resonanz_streams.decode`.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

import msgspec

VERSION: Final = 1
Kind = Literal["like", "comment", "share"]
Op = Literal["add", "remove"]
KINDS: Final[tuple[Kind, ...]] = ("like", "comment", "share")
LEDGER_KINDS: Final = (*KINDS, "post")
SIGNALS: Final = ("bot", "spam", "burst", "near_duplicate", "new_account")
"""The flags that make an interaction suspect. Further flags say nothing of authenticity."""

"""What counts once: interactions and own posts."""

MAX_ID: Final = 512
MAX_COUNT: Final = 2**31 - 1
EARLIEST_MS: Final = 946_684_800_000
AHEAD_MS: Final = 600_000
"""No event is from before the year 2000, nor further ahead of the clock than this."""

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID)]
Count = Annotated[int, msgspec.Meta(ge=-MAX_COUNT, le=MAX_COUNT)]
People = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Days = Annotated[int, msgspec.Meta(ge=0, lt=2**27)]
Millis = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""Epoch milliseconds as decoded: without bounds a JSON integer may be of any size and fit no column."""


class Event(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One like, comment or share, or the removal of one.

    ``at_ms`` is when it happened, ``seen_ms`` when the connector saw it (epoch ms, UTC). ``actor`` is a
    pseudonym. ``account`` alone decides which client it belongs to. ``count`` is not 0.
    """

    v: int = msgspec.field(default=VERSION)
    id: Text
    source: Text
    kind: Kind
    op: Op = "add"
    account: Text
    actor: Text | None = None
    own: bool = False
    object: Text | None = None
    parent: Text | None = None
    thread: Text | None = None
    venue: Literal["own", "elsewhere"] = "own"
    venue_name: Text | None = None
    topics: tuple[Text, ...] = ()
    flags: tuple[Text, ...] = ()
    at_ms: Millis
    seen_ms: Millis | None = None
    count: Count = 1


class Post(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One own post, or own comment elsewhere (topic ``posts``)."""

    v: int = VERSION
    id: Text
    source: Text
    op: Op = "add"
    account: Text
    object: Text | None = None
    venue: Literal["own", "elsewhere"] = "own"
    venue_name: Text | None = None
    topics: tuple[Text, ...] = ()
    at_ms: Millis
    seen_ms: Millis | None = None


class Audience(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A snapshot of an account's followers at ``at_ms`` (topic ``audience``)."""

    v: int = VERSION
    id: Text
    source: Text
    account: Text
    at_ms: Millis
    followers: People
    reach: People | None = None
    impressions: People | None = None
    object: Text | None = None


class Status(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A connector's heartbeat for one account (topic ``connectors.status``, key connector/account).

    It is cumulative: ``since_ms`` is when the connector began to watch the account and ``gaps`` lists
    every interval [from, to) since then (within 29 days) that it could not fill. Everything in
    [since_ms, complete_through_ms) outside the gaps has been published.
    ``published`` holds, for a source that ends (a file), the offset after its last record per
    "topic/partition" (without prefix): a reader applies the status once it has read that far.
    """

    v: int = VERSION
    connector: Text
    account: Text
    at_ms: Millis
    state: Literal["ok", "degraded", "down"]
    since_ms: Millis
    last_event_ms: Millis | None = None
    complete_through_ms: Millis
    ended: bool = False
    cursor: str | None = None
    gaps: list[tuple[Millis, Millis]] = []
    errors: dict[str, int] = {}
    rate_remaining: int | None = None
    credential_expires_ms: Millis | None = None
    published: dict[str, int] = {}


class KpiEntry(msgspec.Struct, gc=False):
    """One KPI of one account over one window; a null value comes with its reason."""

    kpi: str
    window: str
    part: str | None = None
    value: float | None = None
    lo: float | None = None
    hi: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    coverage: float | None = None
    reason: str | None = None


class Actors(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """The different people who interacted with an account over one window; see
    :mod:`resonanz_streams.actors`.

    ``smallest``: their smallest hashes. ``reached``: a bit for each person of the client's target list,
    None without one or of one that is too long; ``target_list``: a hash of the list.
    """

    smallest: bytes
    reached: bytes | None = None
    target_list: str | None = None


class KpiSnapshot(msgspec.Struct, kw_only=True, gc=False):
    """KPIs of one account as of ``at_ms`` (topics ``kpis`` and ``kpis.deep``, compacted, key = account).

    ``coverage`` is that of the 24 h window; each entry carries its own window's. ``read`` says which part
    of the log it was counted from: the next offset per source topic, in the account's partition; null in
    those of earlier versions. ``actors``: per window the people behind the figures of ``kpis.deep``, of
    clients with several accounts only. ``days``: with which days those figures compare, by window: bit i is 1
    if the window as it was i + 1 days ago was watched.
    """

    v: int = VERSION
    at_ms: int
    client: str
    platform: str
    account: str
    coverage: float
    kpis: Sequence[KpiEntry]
    read: Mapping[str, int] | None = None
    actors: Mapping[str, Actors] | msgspec.UnsetType = msgspec.UNSET
    days: Mapping[str, Days] | msgspec.UnsetType = msgspec.UNSET


def encode(record: Event | Post | Audience | Status | KpiSnapshot) -> bytes:
    """One line of UTF-8 JSON, without a newline. ``v`` is always written.

    Raises:
        TypeError: a field holds something JSON cannot say.
    """
    line = msgspec.json.encode(record)
    # omit_defaults drops the version, which readers of other languages rely on.
    return line if line.startswith(b'{"v":') else b'{"v":1,' + line[1:]
