"""From a run of records to columns: whole runs at once, line by line only when something is wrong."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from resonanz_streams.events import VERSION, Audience, Event
from resonanz_streams.registry import Registry
from resonanz_streams.topics import DEAD_LETTERS, KIND_OF_TOPIC
from resonanz_streams.transports.ports import Outgoing, Run

Ints = NDArray[np.int64]

MAX_LINE: Final = 256 * 1024
MAX_DEPTH: Final = 64
EARLIEST_MS: Final = 946_684_800_000
AHEAD_MS: Final = 600_000
MAX_DEAD_LETTER: Final = 900_000


class _Version1(Event, kw_only=True, gc=False):
    v: Literal[1] = 1  # type: ignore[assignment]  # narrows the base's int


class _Like(_Version1, kw_only=True, gc=False):
    kind: Literal["like"]


class _Comment(_Version1, kw_only=True, gc=False):
    kind: Literal["comment"]


class _Share(_Version1, kw_only=True, gc=False):
    kind: Literal["share"]


class _Audience1(Audience, kw_only=True, gc=False):
    v: Literal[1] = 1  # type: ignore[assignment]  # narrows the base's int


_TYPES: Final[dict[str, type[Any]]] = {
    "likes": _Like,
    "comments": _Comment,
    "shares": _Share,
    "audience": _Audience1,
}
_LOOSE: Final = msgspec.json.Decoder(_Version1)


@dataclass(frozen=True, slots=True)
class Columns:
    """The good events of a run, in the order read: account row, times, op, weight (0 for the client's own
    people), key hash, source, and the index of the line."""

    rows: Ints
    at_ms: Ints
    removal: NDArray[np.bool_]
    weights: Ints
    keys: NDArray[np.uint64]
    sources: Sequence[str]
    lines: Sequence[int]

    def __len__(self) -> int:
        return len(self.lines)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A good follower snapshot."""

    row: int
    at_ms: int
    followers: int
    source: str


@dataclass(frozen=True, slots=True)
class Line:
    """Where a line came from: record offset and its bytes."""

    offset: int
    data: bytes


class Lines:
    """The lines of a run; taken apart only when one of them is asked for."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lines: list[Line] | None = None

    def all(self) -> list[Line]:
        """Every line that is not blank, in order."""
        if self._lines is None:
            self._lines = [
                Line(offset, line)
                for offset, value in zip(self._run.offsets, self._run.values, strict=True)
                for line in value.split(b"\n")
                if line and not line.isspace()
            ]
        return self._lines


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that cannot be counted, and why."""

    line: Line
    reason: str
    error: str

    def record(self, topic: str, partition: int) -> Outgoing:
        """The dead letter: the raw bytes, and in the headers what a person needs to find and mend it."""
        data = self.line.data
        headers = [
            ("reason", self.reason.encode()),
            ("topic", topic.encode()),
            ("partition", str(partition).encode()),
            ("offset", str(self.line.offset).encode()),
            ("error", self.error.encode()),
        ]
        if len(data) > MAX_DEAD_LETTER:
            headers.append(("truncated_from", str(len(data)).encode()))
        return Outgoing(DEAD_LETTERS, None, data[:MAX_DEAD_LETTER], headers)


class Decoder:
    """Decodes the runs of one partition's topics.

    The typed decoder takes all lines of a run in one call. It fails as a whole, so a run with a broken
    line is decoded again line by line: the good ones count, the others get a reason.
    """

    def __init__(self, registry: Registry, partition: int) -> None:
        self._registry = registry
        self._partition = partition
        self._rows: Mapping[str, int] = {
            account.id: row for row, account in enumerate(registry.accounts_of(partition))
        }
        self._decoders = {topic: msgspec.json.Decoder(kind) for topic, kind in _TYPES.items()}
        clients = [registry.clients[account.client] for account in registry.accounts_of(partition)]
        self._own = [client.own_actors for client in clients]
        self._anyone_own = frozenset(actor for client in clients for actor in client.own_actors)

    def interactions(self, run: Run, lines: Lines, now_ms: int) -> tuple[Columns, list[Rejected]]:
        """The good events of a run of likes, comments or shares, and the others."""
        data = b"\n".join(run.values)
        events, places, rejected = self._events(run, data, lines)
        find = self._rows.get
        rows = np.array([find(event.account, -1) for event in events], dtype=np.int64)
        at_ms = np.array([event.at_ms for event in events], dtype=np.int64)
        weights = np.array([event.count for event in events], dtype=np.int64)
        bad = (rows < 0) | (at_ms < EARLIEST_MS) | (at_ms > now_ms + AHEAD_MS) | (weights == 0)
        if bad.any():
            for place in np.flatnonzero(bad).tolist():
                line = lines.all()[places[place]]
                rejected.append(Rejected(line, *self._fault(events[place].account, at_ms[place], now_ms)))
            kept = np.flatnonzero(~bad)
            events = [events[place] for place in kept.tolist()]
            places = [places[place] for place in kept.tolist()]
            rows, at_ms, weights = rows[kept], at_ms[kept], weights[kept]
        self._leave_own_out(events, rows, weights)
        kind = KIND_OF_TOPIC[run.topic]
        columns = Columns(
            rows,
            at_ms,
            np.array([event.op == "remove" for event in events], dtype=np.bool_),
            weights,
            _keys(kind, events, nul=b"\\u0000" in data),
            [event.source for event in events],
            places,
        )
        return columns, rejected

    def _events(self, run: Run, data: bytes, lines: Lines) -> tuple[list[Event], Sequence[int], list[Rejected]]:
        """All typed events of the run, the index of each one's line, and what could not be decoded."""
        decode = self._decoders[run.topic].decode_lines
        if max(map(len, run.values), default=0) <= MAX_LINE:
            try:
                events = decode(data)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                pass
            else:
                # One object over two lines is no event: there must be as many as there are lines.
                if len(events) == data.count(b"\n") + 1 or len(events) == len(lines.all()):
                    return events, range(len(events)), []
        return self._one_by_one(run.topic, lines.all())

    def _one_by_one(
        self, topic: str, lines: Sequence[Line]
    ) -> tuple[list[Any], Sequence[int], list[Rejected]]:
        decode = self._decoders[topic].decode
        events, places, rejected = [], [], []
        for place, line in enumerate(lines):
            try:
                if len(line.data) > MAX_LINE:
                    raise msgspec.DecodeError  # noqa: TRY301  # one way into the classification
                events.append(decode(line.data))
                places.append(place)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                rejected.append(Rejected(line, *_classify(line.data, topic, error)))
        return events, places, rejected

    def _fault(self, account: str, at_ms: int, now_ms: int) -> tuple[str, str]:
        """Why a well-formed record is not counted here."""
        if account not in self._rows:
            known = self._registry.accounts.get(account)
            if known is None:
                return "unknown_account", "the account is not in the configuration"
            return "wrong_topic", (
                f"the account belongs to partition {known.partition}, found in {self._partition}: "
                "the record's key must be the account, hashed with murmur2"
            )
        if at_ms < EARLIEST_MS:
            return "time_out_of_range", "at_ms is before the year 2000"
        if at_ms > now_ms + AHEAD_MS:
            return "time_out_of_range", "at_ms is over 10 min ahead of the clock"
        return "wrong_type", "count is 0"

    def _leave_own_out(self, events: Sequence[Event], rows: Ints, weights: Ints) -> None:
        """The client's own people are not audience: their weight is 0."""
        if not self._anyone_own and True not in [event.own for event in events]:
            return
        for place, event in enumerate(events):
            if event.own or (event.actor in self._anyone_own and event.actor in self._own[rows[place]]):
                weights[place] = 0

    def snapshots(self, run: Run, lines: Lines, now_ms: int) -> tuple[list[Snapshot], list[Rejected]]:
        """The good follower snapshots of a run of topic audience, and the others."""
        decoded, places, rejected = self._one_by_one(run.topic, lines.all())
        good = []
        for audience, place in zip(decoded, places, strict=True):
            row = self._rows.get(audience.account, -1)
            if row < 0 or not EARLIEST_MS <= audience.at_ms <= now_ms + AHEAD_MS:
                fault = self._fault(audience.account, audience.at_ms, now_ms)
                rejected.append(Rejected(lines.all()[place], *fault))
            else:
                good.append(Snapshot(row, audience.at_ms, audience.followers, audience.source))
        return good, rejected


def _keys(kind: str, events: Sequence[Event], *, nul: bool) -> NDArray[np.uint64]:
    """The key hashes. ``nul`` says that some string of the run may hold the separator itself."""
    digest: Callable[[bytes], int] = xxh3_64_intdigest
    texts = [
        f"{event.account}\0{event.source}\0{event.actor}\0{event.object}"
        if kind == "like" and event.actor is not None and event.object is not None
        else f"{event.account}\0{kind}\0{event.source}\0{event.id}\0"
        for event in events
    ]
    if nul:
        texts = [_plain(event, kind, text) for event, text in zip(events, texts, strict=True)]
    return np.array([digest(text.encode()) for text in texts], dtype=np.uint64)


def _plain(event: Event, kind: str, text: str) -> str:
    """``text``, or where a part holds the separator a spelling that no other key has."""
    if text.count("\0") == (4 if text.endswith("\0") else 3):
        return text
    parts = (event.account, kind, event.source, event.id, event.actor, event.object)
    if kind == "like" and event.actor is not None and event.object is not None:
        parts = (event.account, kind, event.source, "", event.actor, event.object)
    return "\0" + json.dumps(parts)


def _classify(data: bytes, topic: str, error: Exception) -> tuple[str, str]:
    """The reason for a line that the typed decoder refused, in the contract's order."""
    if len(data) > MAX_LINE:
        return "too_large", f"{len(data)} bytes; {MAX_LINE} are allowed"
    if isinstance(error, RecursionError) or _depth(data) > MAX_DEPTH:
        return "too_deep", f"nested deeper than {MAX_DEPTH}"
    try:
        event = json.loads(data.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as fault:
        return "not_json", type(fault).__name__
    if not isinstance(event, dict):
        return "not_json", "not an object"
    version = event.get("v", VERSION)
    if type(version) is not int or version != VERSION:
        return "unknown_version", "v must be 1"
    if topic in KIND_OF_TOPIC:
        try:
            kind = _LOOSE.decode(data).kind
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        else:
            return "wrong_topic", f"kind {kind} in topic {topic}"
    return "wrong_type", str(error)[:200]


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _depth(data: bytes) -> int:
    """How deep brackets nest, those in strings left out."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    inside = escaped = False
    for byte in data:
        if inside:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest
