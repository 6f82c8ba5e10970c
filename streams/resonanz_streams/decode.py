"""From a run of records to columns: whole runs at once, line by line only when something is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from resonanz_streams.dead_letters import MAX_LINE, Line, Lines, Rejected, classify, may_be_deep, unfit
from resonanz_streams.details import Facets, details_of
from resonanz_streams.events import AHEAD_MS, EARLIEST_MS, LEDGER_KINDS, Audience, Event, Post
from resonanz_streams.identity import key_hashes
from resonanz_streams.insights import UNKNOWN, told_of_post
from resonanz_streams.letters import Reason
from resonanz_streams.registry import Registry
from resonanz_streams.topics import LEDGER_TOPICS
from resonanz_streams.transports.ports import Run

Ints = NDArray[np.int64]


class _Version1(Event, kw_only=True, gc=False):
    v: Literal[1] = 1


class _Like(_Version1, kw_only=True, gc=False):
    kind: Literal["like"]


class _Comment(_Version1, kw_only=True, gc=False):
    kind: Literal["comment"]


class _Share(_Version1, kw_only=True, gc=False):
    kind: Literal["share"]


class _Post1(Post, kw_only=True, gc=False):
    v: Literal[1] = 1

    @property
    def count(self) -> int:
        """Each post once."""
        return 1


class _Audience1(Audience, kw_only=True, gc=False):
    v: Literal[1] = 1


_TYPES: Final[dict[str, type[Any]]] = {
    "likes": _Like,
    "comments": _Comment,
    "shares": _Share,
    "posts": _Post1,
    "audience": _Audience1,
}


@dataclass(frozen=True, slots=True)
class Columns:
    """The good events of a run, in the order read: account row, times, op, weight (0 for the client's own
    people), key hash, source, the index of the line, and the details if they are asked for."""

    rows: Ints
    at_ms: Ints
    removal: NDArray[np.bool_]
    weights: Ints
    keys: NDArray[np.uint64]
    sources: Sequence[str]
    lines: Sequence[int]
    details: NDArray[np.uint64] | None

    def __len__(self) -> int:
        return len(self.lines)

    def at(self, places: NDArray[np.intp]) -> "Columns":
        """The events at these places."""
        return Columns(
            self.rows[places],
            self.at_ms[places],
            self.removal[places],
            self.weights[places],
            self.keys[places],
            [self.sources[place] for place in places.tolist()],
            [self.lines[place] for place in places.tolist()],
            None if self.details is None else self.details[places],
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A good follower snapshot, and the line that told it; ``post``: the hashed name of that which ``reach``
    and ``impressions`` are of, these UNKNOWN where they are not told, or of no post."""

    row: int
    at_ms: int
    followers: int
    source: str
    data: bytes
    post: int = 0
    reach: int = UNKNOWN
    impressions: int = UNKNOWN


class Decoder:
    """Decodes the runs of one partition's topics.

    The typed decoder takes all lines of a run in one call. It fails as a whole, so a run with a broken
    line is decoded again line by line: the good ones count, the others get a reason. ``facets``: where those
    of the events are kept; None if nobody asks for details.
    """

    def __init__(self, registry: Registry, partition: int, facets: Facets | None = None) -> None:
        self._registry = registry
        self._partition = partition
        self.misplaced = 0
        self._rows: Mapping[str, int] = {
            account.id: row for row, account in enumerate(registry.accounts_of(partition))
        }
        self._decoders = {topic: msgspec.json.Decoder(kind) for topic, kind in _TYPES.items()}
        clients = [registry.clients[account.client] for account in registry.accounts_of(partition)]
        self._own = [client.own_actors for client in clients]
        self._facets = facets
        self._vocabularies = [client.vocabulary for client in clients]
        self._anyone_own = frozenset(actor for client in clients for actor in client.own_actors)

    def operations(self, run: Run, lines: Lines, now_ms: int) -> tuple[Columns, list[Rejected]]:
        """The good events of a run of likes, comments, shares or posts, and the others."""
        data = b"\n".join(run.values)
        events, places, rejected = self._events(run, data, lines)
        find = self._rows.get
        rows = np.array([find(event.account, -1) for event in events], dtype=np.int64)
        at_ms = np.array([event.at_ms for event in events], dtype=np.int64)
        weights = np.array([event.count for event in events], dtype=np.int64)
        bad = (rows < 0) | (at_ms < EARLIEST_MS) | (at_ms > now_ms + AHEAD_MS) | (weights == 0)
        if bad.any():
            for place in np.flatnonzero(bad).tolist():
                event, line = events[place], lines.all()[places[place]]
                rejected.append(Rejected(line, *self._fault(event.account, event.at_ms, event.count, now_ms)))
            kept = np.flatnonzero(~bad)
            events = [events[place] for place in kept.tolist()]
            places = [places[place] for place in kept.tolist()]
            rows, at_ms, weights = rows[kept], at_ms[kept], weights[kept]
        own = self._own_people(run.topic, events, rows)
        weights[own] = 0
        if run.topic == "posts":
            weights[[place for place, post in enumerate(events) if post.venue == "elsewhere"]] = 0
        kind, nul = kind_of(run.topic), b"\\" in data
        columns = Columns(
            rows,
            at_ms,
            np.array([event.op == "remove" for event in events], dtype=np.bool_),
            weights,
            key_hashes(kind, events, nul=nul),
            [event.source for event in events],
            places,
            self._details(kind, events, rows, own, nul=nul),
        )
        return columns, rejected

    def _events(
        self, run: Run, data: bytes, lines: Lines
    ) -> tuple[list[Event], Sequence[int], list[Rejected]]:
        """All typed events of the run, the index of each one's line, and what could not be decoded."""
        if count := _whole_lines(data):
            try:
                events = self._decoders[run.topic].decode_lines(data)
            except msgspec.DecodeError:
                pass
            else:
                if len(events) == count:
                    return events, range(count), []
        return self._one_by_one(run.topic, lines.all())

    def _one_by_one(
        self, topic: str, lines: Sequence[Line]
    ) -> tuple[list[Any], Sequence[int], list[Rejected]]:
        decode = self._decoders[topic].decode
        events, places, rejected = [], [], []
        for place, line in enumerate(lines):
            fault = unfit(line.data)
            if fault is None:
                try:
                    events.append(decode(line.data))
                    places.append(place)
                except msgspec.DecodeError as error:
                    fault = classify(line.data, topic, error)
            if fault is not None:
                rejected.append(Rejected(line, *fault))
        return events, places, rejected

    def _fault(self, account: str, at_ms: int, count: int, now_ms: int) -> tuple[Reason, str]:
        """Why a well-formed record is not counted here."""
        if count == 0:
            return "wrong_type", "count is 0"
        if account not in self._rows:
            known = self._registry.accounts.get(account)
            if known is None:
                return "unknown_account", "the account is not in the configuration"
            self.misplaced += 1
            return "wrong_topic", (
                f"the account belongs to partition {known.partition}, found in {self._partition}: "
                "the record's key must be the account, hashed with murmur2"
            )
        if at_ms > now_ms:
            return "time_out_of_range", "at_ms is over 10 min ahead of the clock"
        return "time_out_of_range", "at_ms is before the year 2000"

    def _own_people(self, topic: str, events: Sequence[Event], rows: Ints) -> list[int]:
        """The places of events by the client's own people, who are not audience."""
        if topic == "posts" or (not self._anyone_own and True not in [event.own for event in events]):
            return []
        return [
            place
            for place, event in enumerate(events)
            if event.own or (event.actor in self._anyone_own and event.actor in self._own[rows[place]])
        ]

    def _details(
        self, kind: str, events: Sequence[Event], rows: Ints, own: Sequence[int], *, nul: bool
    ) -> NDArray[np.uint64] | None:
        if self._facets is None:
            return None
        vocabularies = [self._vocabularies[row] for row in rows.tolist()]
        return details_of(kind, events, rows.astype(np.uint32), vocabularies, self._facets, own=own, nul=nul)

    def snapshots(self, run: Run, lines: Lines, now_ms: int) -> tuple[list[Snapshot], list[Rejected]]:
        """The good follower snapshots of a run of topic audience, and the others."""
        decoded, places, rejected = self._one_by_one(run.topic, lines.all())
        good = []
        for audience, place in zip(decoded, places, strict=True):
            row = self._rows.get(audience.account, -1)
            if row < 0 or not EARLIEST_MS <= audience.at_ms <= now_ms + AHEAD_MS:
                fault = self._fault(audience.account, audience.at_ms, 1, now_ms)
                rejected.append(Rejected(lines.all()[place], *fault))
            else:
                data = lines.all()[place].data
                told = told_of_post(audience)
                good.append(Snapshot(row, audience.at_ms, audience.followers, audience.source, data, *told))
        return good, rejected


def _whole_lines(data: bytes) -> int:
    """The number of lines, if each surely is one object when the decoder finds as many; else 0.

    The decoder does not heed newlines, so one line could pass as two events and two lines as one. But
    inside a JSON object a newline never stands between ``}`` and ``{``; if each one here does, then each
    line holds one object or several, and as many events as lines means one on each. It does not look
    into fields that it does not know either: their depth and encoding, and the lengths, are seen to here.
    """
    text = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(text == ord("\n"))
    if len(newlines):
        if newlines[0] == 0 or newlines[-1] == len(text) - 1:
            return 0
        if (text[newlines - 1] != ord("}")).any() or (text[newlines + 1] != ord("{")).any():
            return 0
    ends = np.append(newlines, len(text))
    if np.diff(ends, prepend=-1).max() - 1 > MAX_LINE or may_be_deep(text, newlines):
        return 0
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError:
            return 0
    return len(ends)


def kind_of(topic: str) -> str:
    """What the records of a ledger topic are."""
    return LEDGER_KINDS[LEDGER_TOPICS.index(topic)]
