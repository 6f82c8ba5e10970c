"""Tables of what stands, from events said in a few words, through all the code that events go through."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from resonanz_streams.details import Facets, Vocabulary, details_of
from resonanz_streams.events import Event, Post
from resonanz_streams.identity import hashes, key_hashes
from resonanz_streams.insights import InsightBook
from resonanz_streams.kpis.base import REASONS, Inputs, Kpi
from resonanz_streams.ledger import Ledger
from resonanz_streams.net.table import NetTable, net_table
from resonanz_streams.net_states import alone
from resonanz_streams.windows import old_edge_ms
from tests.inputs import NOW_MS

HOUR, DAY = 3_600_000, 86_400_000


def ago(hours: float) -> int:
    """So many hours before now."""
    return NOW_MS - round(hours * HOUR)


def like(name: str, hours: float, **more: Any) -> dict[str, Any]:
    """A like so many hours ago, by a person of its own unless said otherwise, on post ``p``."""
    return _said("like", name, hours, {"actor": name, "object": "p"} | more)


def comment(name: str, hours: float, **more: Any) -> dict[str, Any]:
    """A comment on post ``p``, in its thread."""
    return _said("comment", name, hours, {"actor": name, "object": "p", "thread": "p"} | more)


def answer(name: str, hours: float, parent: str, **more: Any) -> dict[str, Any]:
    """A comment by the client's own people on another one."""
    return comment(name, hours, parent=parent, own=True, **more)


def share(name: str, hours: float, **more: Any) -> dict[str, Any]:
    """A share of post ``p``."""
    return _said("share", name, hours, {"actor": name, "object": "p"} | more)


def post(name: str, hours: float, **more: Any) -> dict[str, Any]:
    """An own post."""
    return _said("post", name, hours, more)


def removed(event: dict[str, Any], hours: float) -> dict[str, Any]:
    """The removal of an event so many hours ago."""
    return event | {"op": "remove", "at": ago(hours)}


def _said(kind: str, name: str, hours: float, more: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "id": name, "account": "a", "at": ago(hours)} | more


class Told(NamedTuple):
    """What a platform says of a post; None where it does not."""

    account: str
    post: str
    at: int
    reach: int | None
    impressions: int | None


def told(name: str, hours: float, *, reach: int | None = None, impressions: int | None = None) -> Told:
    """So many hours ago, of a post of account ``a``."""
    return Told("a", name, ago(hours), reach, impressions)


class Figure(NamedTuple):
    """A figure of one account; None is null."""

    value: float | None
    lo: float | None
    hi: float | None
    numerator: float | None
    denominator: float | None
    reason: str


def figures(kpi: Kpi, inputs: Inputs, window: str = "24h", row: int = 0) -> dict[str | None, Figure]:
    """All that a KPI says of one account, by part."""
    found = {}
    for column in kpi.compute(inputs, window):
        places = [row] if column.rows is None else np.flatnonzero(column.rows == row).tolist()
        for place in places:
            part = column.part if column.rows is None else column.parts[place]
            numbers = (column.value, column.lo, column.hi, column.numerator, column.denominator)
            known = [None if np.isnan(each[place]) else float(each[place]) for each in numbers]
            assert part not in found
            found[part] = Figure._make([*known, REASONS[column.reason[place]]])
    return found


def net_of_events(
    events: Iterable[dict[str, Any]],
    accounts: Sequence[str] = ("a",),
    *,
    vocabulary: Vocabulary | None = None,
    now_ms: int = NOW_MS,
    told: Iterable[Told] = (),
) -> NetTable:
    """What stands of these events, counted one by one in the order given.

    ``accounts``: the rows; one that is not among them is beyond the last. ``vocabulary``: of every client;
    without it, each topic, venue and flag that occurs counts. ``at`` is the event time; all have the same
    source. ``told``: what platforms say of posts.
    """
    events = list(events)
    words = vocabulary or Vocabulary(
        frozenset(topic for event in events for topic in event.get("topics", ())),
        frozenset(event["venue_name"] for event in events if event.get("venue_name")),
        frozenset(flag for event in events for flag in event.get("flags", ())),
    )
    ledger, facets, book = Ledger(10_000_000, detailed=True), Facets(), InsightBook()
    book.forget(now_ms)
    for one in told:
        row = accounts.index(one.account)
        book.add(row, int(hashes([one.post])[0]), one.at, [-1 if f is None else f for f in one[3:]])
    for event in events:
        fields = {name: value for name, value in event.items() if name != "at"}
        fields |= {"source": "file", "at_ms": event["at"]}
        kind = event["kind"]
        record: Event | Post = (
            msgspec.convert({k: v for k, v in fields.items() if k != "kind"}, Post)
            if kind == "post"
            else msgspec.convert(fields, Event)
        )
        own = isinstance(record, Event) and record.own
        row = accounts.index(record.account) if record.account in accounts else len(accounts)
        details = details_of(
            kind, [record], np.array([row], np.uint32), [words], facets, own=[0] if own else [], nul=False
        )
        weight = 0 if own else getattr(record, "count", 1)
        operation = alone(
            np.array([record.at_ms]), np.array([record.op == "remove"]), np.array([weight]), details
        )
        ledger.apply(key_hashes(kind, [record], nul=False), operation)
    keys, states = ledger.snapshot()()
    return net_table(
        keys,
        states,
        facets.table(),
        len(accounts),
        now_ms,
        begin_ms=old_edge_ms("28d", now_ms) + 1,
        known=book.at(now_ms),
    )
