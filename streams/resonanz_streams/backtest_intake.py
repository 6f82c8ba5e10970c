"""The files' rows, as ``resonanz replay`` understands them, put into order of time."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from resonanz_connectors.playback import Reading
from resonanz_connectors.rows import Record, Row, identified
from resonanz_streams.backtest_spool import Spool
from resonanz_streams.details import WIDTH, Facets, Vocabulary, details_of
from resonanz_streams.events import KINDS, LEDGER_KINDS, Audience, Event, Post
from resonanz_streams.identity import key_hashes
from resonanz_streams.insights import told_of_post
from resonanz_streams.registry import Registry

OPERATION: Final = np.dtype(
    [
        ("known_ms", "<i8"),
        ("at_ms", "<i8"),
        ("key", "<u8"),
        ("weight", "<i4"),
        ("account", "<u4"),
        ("kind", "u1"),
        ("removal", "?"),
    ]
)
DETAILED: Final = np.dtype([*OPERATION.descr, ("details", "<u8", (WIDTH,))])
"""Operations for KPIs that ask what an addition said."""

SNAPSHOT: Final = np.dtype(
    [
        ("known_ms", "<i8"),
        ("account", "<u4"),
        ("followers", "<i8"),
        ("post", "<u8"),
        ("reach", "<i8"),
        ("impressions", "<i8"),
    ]
)

_BATCH: Final = 4096
_EXAMPLES: Final = 3
_NAMED: Final = 100_000
"""Accounts that nobody configured are counted by name up to this many."""


@dataclass(slots=True)
class Found:
    """What was in the files. ``unknown``: rows by account that is not configured, ``unnamed``: those of
    still more such accounts; ``aside``: rows of accounts or times that were not asked for. ``spans``:
    from the first to the last row, in epoch ms, of the files that hold an account."""

    rows: int = 0
    interactions: int = 0
    posts: int = 0
    snapshots: int = 0
    dead_letters: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0
    aside: int = 0
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def first_ms(self) -> int | None:
        """The earliest row of an account asked for; None without one."""
        return min((first for first, _ in self.spans.values()), default=None)

    @property
    def last_ms(self) -> int | None:
        """The newest row of the files that hold such an account."""
        return max((last for _, last in self.spans.values()), default=None)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What can matter: what happened not before ``first_ms`` and is known not after ``last_ms``."""

    first_ms: int
    last_ms: int


class Intake:
    """Puts interactions and posts, and follower snapshots, of the accounts of ``asked`` into two spools.

    ``registry`` knows all accounts that are configured; ``facets`` takes those of the events, None if no KPI
    asks for them. With ``arrival`` an operation is known from ``seen_ms`` on, else from ``at_ms``.
    """

    def __init__(
        self,
        registry: Registry,
        asked: Registry,
        operations: Spool,
        snapshots: Spool,
        facets: Facets | None,
        *,
        bounds: Bounds,
        arrival: bool,
    ) -> None:
        self.found = Found()
        self._registry = registry
        self._asked = asked
        self._rows = {account.id: row for row, account in enumerate(asked.accounts_of(0))}
        self._operations = operations
        self._snapshots = snapshots
        self._bounds = bounds
        self._arrival = arrival
        self._facets = facets
        self._events: dict[str, list[Event | Post]] = {kind: [] for kind in LEDGER_KINDS}
        self._audience: list[Audience] = []
        self._spelled: set[str] = set()
        """Kinds whose waiting events may hold a NUL, which JSON spells with an escape."""
        clients = asked.clients
        self._own_actors = {
            account.id: own for account in asked.accounts_of(0) if (own := clients[account.client].own_actors)
        }

    def read(self, reading: Reading, progress: Callable[[int], None]) -> Found:
        """Read all files; ``progress`` is told the number of rows now and then.

        Raises:
            ConfigurationError: a file cannot be read or understood.
        """
        for path in reading.files:
            # A mistake in the last file must not show only after hours with the first.
            next(reading.read(path), None)
        for path in reading.files:
            self._file(path, reading.together(path), progress)
        for kind in LEDGER_KINDS:
            self._store_events(kind)
        self._store_audience()
        return self.found

    def _file(self, path: Path, items: Iterator[Row | list[Event]], progress: Callable[[int], None]) -> None:
        first, last = 2**62, -(2**62)
        names: set[str] = set()
        told = self.found.rows
        for item in items:
            if isinstance(item, list):
                self.found.rows += len(item)
                times = [event.at_ms for event in item]
                first, last = min(first, *times), max(last, *times)
                self._take_together(item, names)
            else:
                self.found.rows += 1
                if item.record is None:
                    self._reject(path, item)
                    continue
                first, last = min(first, item.record.at_ms), max(last, item.record.at_ms)
                if self._is_asked(item.record.account):
                    names.add(item.record.account)
                    identified(item, self._asked)
                    self._take(path, item, item.record)
            if self.found.rows - told >= _BATCH:
                told = self.found.rows
                progress(told)
        progress(self.found.rows)
        for name in names:
            span = self.found.spans.get(name, (first, last))
            self.found.spans[name] = min(first, span[0]), max(last, span[1])

    def _is_asked(self, account: str) -> bool:
        """Whether its rows matter; those of others are counted."""
        if account in self._rows:
            return True
        if account in self._registry.accounts:
            self.found.aside += 1
        elif account in self.found.unknown or len(self.found.unknown) < _NAMED:
            self.found.unknown[account] += 1
        else:
            self.found.unnamed += 1
        return False

    def _take_together(self, events: list[Event], names: set[str]) -> None:
        """Events of ours: their actors are pseudonyms already."""
        accounts = {event.account for event in events}
        if not accounts <= self._rows.keys():
            events = [event for event in events if self._is_asked(event.account)]
        names |= accounts & self._rows.keys()
        for event in events if self._own_actors else ():
            event.own = event.own or event.actor in self._own_actors.get(event.account, ())
        for event in events:
            self._events[event.kind].append(event)
        for kind in KINDS:
            if len(self._events[kind]) >= _BATCH:
                self._store_events(kind)

    def _reject(self, path: Path, row: Row) -> None:
        if row.bad is not None:
            self._dead_letter(path, row.number, row.bad.reason, row.bad.error)

    def _dead_letter(self, path: Path, number: int, reason: str, error: str) -> None:
        self.found.dead_letters[reason] += 1
        if len(self.found.examples) < _EXAMPLES:
            self.found.examples.append(f"{path.name}, row {number}: {error}")

    def _take(self, path: Path, row: Row, record: Record) -> None:
        if isinstance(record, Audience):
            self._audience.append(record)
            if len(self._audience) == _BATCH:
                self._store_audience()
            return
        if isinstance(record, Event) and record.count == 0:
            self._dead_letter(path, row.number, "wrong_type", "count is 0")
            return
        kind = record.kind if isinstance(record, Event) else "post"
        self._events[kind].append(record)
        self._spelled.add(kind)
        if len(self._events[kind]) >= _BATCH:
            self._store_events(kind)

    def _store_events(self, kind: str) -> None:
        events, self._events[kind] = self._events[kind], []
        if kind == "post":
            self.found.posts += len(events)
        else:
            self.found.interactions += len(events)
        weights, own = _weights(kind, events)
        nul = kind in self._spelled and _hold_nul(events)
        table = np.empty(len(events), OPERATION if self._facets is None else DETAILED)
        at_ms = np.array([event.at_ms for event in events], np.int64)
        table["at_ms"] = table["known_ms"] = at_ms
        if self._arrival:
            seen = [event.at_ms if event.seen_ms is None else event.seen_ms for event in events]
            table["known_ms"] = np.maximum(at_ms, np.array(seen, np.int64))
        table["weight"] = weights
        table["account"] = [self._rows[event.account] for event in events]
        table["removal"] = [event.op == "remove" for event in events]
        table["kind"] = LEDGER_KINDS.index(kind)
        table["key"] = key_hashes(kind, events, nul=nul)
        if self._facets is not None:
            table["details"] = details_of(
                kind,
                events,
                np.ascontiguousarray(table["account"]),
                self._vocabularies_of(events),
                self._facets,
                own=own,
                nul=nul,
            )
        self._spelled.discard(kind)
        matter = (at_ms >= self._bounds.first_ms) & (table["known_ms"] <= self._bounds.last_ms)
        self.found.aside += len(events) - int(np.count_nonzero(matter))
        self._operations.add(table[matter])

    def _vocabularies_of(self, events: Sequence[Event | Post]) -> list[Vocabulary]:
        clients, accounts = self._asked.clients, self._asked.accounts
        return [clients[accounts[event.account].client].vocabulary for event in events]

    def _store_audience(self) -> None:
        records, self._audience = self._audience, []
        self.found.snapshots += len(records)
        table = np.empty(len(records), SNAPSHOT)
        table["known_ms"] = [record.at_ms for record in records]
        table["account"] = [self._rows[record.account] for record in records]
        table["followers"] = [record.followers for record in records]
        of_posts = [told_of_post(record) for record in records]
        for place, name in enumerate(("post", "reach", "impressions")):
            table[name] = [told[place] for told in of_posts]
        matter: NDArray[np.bool_] = table["known_ms"] <= self._bounds.last_ms
        self.found.aside += len(records) - int(np.count_nonzero(matter))
        self._snapshots.add(table[matter])


def _weights(kind: str, events: Sequence[Event | Post]) -> tuple[Sequence[int], Sequence[int]]:
    """What each counts, and the places of those by the client's own people, which are not audience."""
    if kind == "post":
        return [int(post.venue == "own") for post in events], []
    interactions = cast("Sequence[Event]", events)
    weights = [event.count for event in interactions]
    own = [place for place, event in enumerate(interactions) if event.own]
    for place in own:
        weights[place] = 0
    return weights, own


def _hold_nul(events: Sequence[Event | Post]) -> bool:
    texts = [f"{event.account}{event.source}{event.object}{event.id}" for event in events]
    texts += [f"{event.actor}{event.parent}" for event in events if isinstance(event, Event)]
    return "\0" in "".join(texts)
