"""Rows of files as events, posts and audience snapshots, or with the reason why one is none.

Fields have the names of the contract; ``mapping`` says which column holds a field if its name differs.

* Times (``at_ms``, ``seen_ms``): a number is epoch seconds below 10¹¹, milliseconds below 10¹⁴,
  microseconds below 10¹⁷, else nanoseconds, whatever the column is called; anything else is ISO 8601,
  and UTC where it names no zone.
* ``account``: a value without a platform before it belongs to ``file`` (``7`` is ``file:7``).
* ``topics``, ``flags``: a JSON list, or text with ``|``, ``;`` or ``,`` between them.
* ``id``: without one, the hash of the row's cells; rows that are equal in every cell then count once.
* ``topic`` (``likes`` … ``posts``, ``audience``) or ``kind`` (``like`` …, also ``post``, ``audience``)
  says what a row is.
* ``actor``: as the platform has it; :func:`identified` makes it a pseudonym. A row with ``v`` is a
  record of ours, and its actor is one already.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import orjson
from xxhash import xxh3_128_hexdigest

from resonanz_connectors.cells import CONVERTERS, plain
from resonanz_connectors.own_lines import own_event, own_events
from resonanz_connectors.tables import RawRow, Table, open_table
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.events import EARLIEST_MS, VERSION, Audience, Event, Post
from resonanz_streams.letters import Reason
from resonanz_streams.registry import Registry
from resonanz_streams.topics import KIND_OF_TOPIC

Record = Event | Post | Audience
Convert = Callable[[Any], Any]

FIELDS: Final = tuple(
    dict.fromkeys(("topic", *Event.__struct_fields__, *Post.__struct_fields__, *Audience.__struct_fields__))
)
_TOPIC_WORDS: Final[dict[str, type[Record]]] = {
    **dict.fromkeys(KIND_OF_TOPIC, Event),
    **dict.fromkeys(KIND_OF_TOPIC.values(), Event),
    "post": Post,
    "posts": Post,
    "audience": Audience,
}


class BadRow(msgspec.Struct, frozen=True):
    """Why a row is no record, and its bytes."""

    reason: Reason
    error: str
    raw: bytes


class Row(msgspec.Struct, frozen=True, gc=False):
    """``number`` is the place in the file to go on after; ``ours``: the actor is a pseudonym already.

    Either ``record`` or ``bad`` is there.
    """

    number: int
    record: Record | None
    bad: BadRow | None = None
    ours: bool = False


def read_rows(
    path: Path,
    mapping: Mapping[str, str],
    defaults: Mapping[str, Any],
    *,
    after: int = 0,
    latest_ms: int | None = None,
) -> Iterator[Row]:
    """The rows of a CSV, TSV, JSON Lines or Parquet file (or .gz of one) after row number ``after``.

    Those later than ``latest_ms`` are bad rows.

    Raises:
        ConfigurationError: the file cannot be read, or has not the columns that it must have.
    """
    with open_table(path, None if mapping else own_event) as table:
        reader = _Reader(path, table, mapping, defaults)
        for raw in table.rows:
            if raw.number > after:
                yield _bounded(reader, raw, latest_ms)


def read_together(
    path: Path, mapping: Mapping[str, str], defaults: Mapping[str, Any], *, latest_ms: int | None = None
) -> Iterator[Row | list[Event]]:
    """As :func:`read_rows`; lines of ours that follow each other may come as one list of events, of which
    none has count 0."""
    ways = (None, None) if mapping else (own_event, partial(own_events, latest_ms=latest_ms))
    with open_table(path, *ways) as table:
        reader = _Reader(path, table, mapping, defaults)
        for raw in table.rows:
            yield raw.content if isinstance(raw.content, list) else _bounded(reader, raw, latest_ms)


def _bounded(reader: "_Reader", raw: RawRow, latest_ms: int | None) -> Row:
    row = reader.row(raw) if raw.content is None else Row(raw.number, raw.content, None, True)
    if latest_ms is None or row.record is None or row.record.at_ms <= latest_ms:
        return row
    ahead = "the time is over 10 min ahead of the clock"
    return Row(raw.number, None, BadRow("time_out_of_range", ahead, raw.data()))


def identified(row: Row, registry: Registry) -> Record | None:
    """The row's record with the actor's pseudonym; None if nobody configured its account."""
    record = row.record
    if record is None or (account := registry.accounts.get(record.account)) is None:
        return None
    if isinstance(record, Event) and record.actor is not None:
        if not row.ours:
            record.actor = registry.pseudonym(account.client, record.actor)
        record.own = record.own or record.actor in registry.clients[account.client].own_actors
    return record


class _Plan(NamedTuple):
    """Which fields each column fills, and what fields have where no column says it."""

    fills: Mapping[str, Sequence[tuple[str, Convert]]]
    given: Mapping[str, Any]


class _Reader:
    """Knows which column fills which field of which record."""

    def __init__(
        self, path: Path, table: Table, mapping: Mapping[str, str], defaults: Mapping[str, Any]
    ) -> None:
        _check(path, table.columns, mapping, defaults)
        self._column = {field: mapping.get(field, field) for field in FIELDS}
        self._defaults = {"source": "file", **defaults}
        self._plans = {kind: self._plan(kind) for kind in (Event, Post, Audience)}

    def _plan(self, kind: type[Record]) -> "_Plan":
        fields = [field for field in kind.__struct_fields__ if field != "kind"]
        fills: dict[str, list[tuple[str, Convert]]] = {}
        for field in fields:
            fills.setdefault(self._column[field], []).append((field, CONVERTERS.get(field, plain)))
        given = {
            field: CONVERTERS.get(field, plain)(self._defaults[field])
            for field in fields
            if field in self._defaults
        }
        return _Plan(fills, given)

    def row(self, raw: RawRow) -> Row:
        if raw.problem:
            return Row(raw.number, None, BadRow(*raw.problem, raw.data()))
        try:
            record, ours = self._record(raw.cells)
        except _BadCellError as error:
            return Row(raw.number, None, BadRow(error.reason, str(error), raw.data()))
        return Row(raw.number, record, None, ours)

    def _record(self, cells: Mapping[str, Any]) -> tuple[Record, bool]:
        kind, word = self._kind(cells)
        values: dict[str, Any] = {"kind": KIND_OF_TOPIC.get(word, word)} if kind is Event else {}
        plan = self._plans[kind]
        values |= plan.given
        for column, cell in cells.items():
            fills = plan.fills.get(column)
            if fills is None or cell is None or cell == "":
                continue
            try:
                for field, convert in fills:
                    values[field] = convert(cell)
            except (ValueError, TypeError, OverflowError) as error:
                raise _BadCellError(f"{column}: {error}") from None
        ours = "v" in values
        if ours and values["v"] not in (VERSION, str(VERSION)):
            raise _BadCellError(f"version {values['v']!r} is not known", "unknown_version")
        if "id" not in values:
            values["id"] = _content_id(cells, values)
        if values.get("at_ms", EARLIEST_MS) < EARLIEST_MS:
            raise _BadCellError("the time lies before the year 2000", "time_out_of_range")
        try:
            return msgspec.convert(values, kind, strict=False), ours
        except msgspec.ValidationError as error:
            raise _BadCellError(str(error)) from None

    def _kind(self, cells: Mapping[str, Any]) -> tuple[type[Record], str]:
        for field in ("topic", "kind"):
            word = cells.get(self._column[field]) or self._defaults.get(field)
            if word:
                if type(word) is str and word in _TOPIC_WORDS:
                    return _TOPIC_WORDS[word], word
                word = str(word).strip().lower()
                if word not in _TOPIC_WORDS:
                    raise _BadCellError(
                        f"{self._column[field]}: {word[:40]!r} is none of {', '.join(_TOPIC_WORDS)}",
                        "wrong_topic",
                    )
                return _TOPIC_WORDS[word], word
        raise _BadCellError("neither kind nor topic is given", "wrong_topic")


class _BadCellError(Exception):
    def __init__(self, message: str, reason: Reason = "wrong_type") -> None:
        super().__init__(message)
        self.reason: Reason = reason


def _content_id(cells: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    if values.get("op") == "remove" and not (
        values.get("kind") == "like" and "actor" in values and "object" in values
    ):
        raise _BadCellError("a removal needs the id of what it removes")
    return "xxh3:" + xxh3_128_hexdigest(orjson.dumps(cells, default=str, option=orjson.OPT_SORT_KEYS))


# -- what a file must have -----


def _check(
    path: Path, columns: tuple[str, ...], mapping: Mapping[str, str], defaults: Mapping[str, Any]
) -> None:
    for field, column in mapping.items():
        if field not in FIELDS:
            raise ConfigurationError(
                f"--map {field}={column}: {field!r} is no field; {_choice(field, FIELDS)}"
            )
        if column not in columns:
            raise ConfigurationError(f"{path}: has no column {column!r}; {_choice(column, columns)}")
    for field, instead in (("at_ms", ""), ("account", " or --account ID")):
        if field not in mapping and field not in columns and field not in defaults:
            raise ConfigurationError(
                f"{path}: has no column {field!r}; write --map {field}=COLUMN{instead};"
                f" {_choice(field, columns)}"
            )
    kinds = ("kind", "topic")
    if not any(field in mapping or field in columns or field in defaults for field in kinds):
        raise ConfigurationError(
            f"{path}: does not say what its rows are; write --kind like (or comment, share, post, audience),"
            f" or --map kind=COLUMN; {_choice('kind', columns)}"
        )


def _choice(word: str, names: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word.lower(), names, 1, 0.5)
    return f"there are: {', '.join(names) or 'none'}" + (f" (the nearest is {near[0]})" if near else "")
