"""What each Bluesky record became, so that its deletion, which names only the record, can be told.

A table in a SQLite file of the connector's own. It must not be behind the cursor, so it is committed
before a batch is handed on; re-reading finds what is there and changes nothing.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from resonanz_connectors.batch import SourceError
from resonanz_streams.errors import StopError
from resonanz_streams.events import Event, Post, encode
from resonanz_streams.topics import DAY_MS

KEEP_MS: Final = 29 * DAY_MS
"""Beyond it no window holds the addition any more, so its removal changes nothing."""

_PRUNE_EVERY: Final = 1_000
_BUSY_SECONDS: Final = 0.5
"""The event loop waits so long at most for another program; then the source is asked again later."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS items (
  uri BLOB NOT NULL, account TEXT NOT NULL, kind TEXT NOT NULL,
  actor TEXT NOT NULL, at_ms INTEGER NOT NULL, record BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS items_by_uri ON items (uri);
CREATE INDEX IF NOT EXISTS items_by_actor ON items (actor);
CREATE INDEX IF NOT EXISTS items_by_time ON items (at_ms);
"""

Item = Event | Post
_event: Final = msgspec.json.Decoder(Event)
_post: Final = msgspec.json.Decoder(Post)


class Items:
    """At most ``limit`` items of the last 29 days, the newest. The URIs are hashed, actors pseudonyms.

    Its methods raise SourceError if the file cannot be used for now (the disk is full, it is locked).
    """

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._limit = limit
        self._since_prune = _PRUNE_EVERY
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = _opened(path)
        except (sqlite3.Error, OSError) as error:
            raise StopError(f"{path}: cannot hold the connector's items: {error}") from None

    def keep(self, uri: str, actor: str, item: Item) -> Item:
        """Remember what ``uri`` became; returns what was known of it before, if anything.

        So a record that is read again, perhaps from another server with a clock of its own, becomes the
        very same event.
        """
        key, kind = _hash(uri), _kind(item)
        with self._explained():
            row = self._db.execute(
                "SELECT record FROM items WHERE uri = ? AND account = ? AND kind = ?",
                (key, item.account, kind),
            ).fetchone()
            if row is not None:
                return _item(kind, row[0])
            self._db.execute(
                "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)",
                (key, item.account, kind, actor, item.at_ms, encode(item)),
            )
        self._since_prune += 1
        return item

    def of(self, uri: str) -> list[Item]:
        """Everything that ``uri`` became: one item for each account that it concerned."""
        return self._items("WHERE uri = ? ORDER BY account, kind", _hash(uri))

    def by(self, actors: Sequence[str]) -> list[Item]:
        """Everything of somebody with one of these pseudonyms."""
        return [
            item
            for actor in actors
            for item in self._items("WHERE actor = ? ORDER BY at_ms, uri, account, kind", actor)
        ]

    def _items(self, where: str, value: bytes | str) -> list[Item]:
        with self._explained():
            rows = self._db.execute(f"SELECT kind, record FROM items {where}", (value,))  # noqa: S608  # literals
            return [_item(kind, record) for kind, record in rows]

    def commit(self, now_ms: int) -> None:
        """Make it durable, and forget what is too old or too much."""
        with self._explained():
            if self._since_prune >= _PRUNE_EVERY:
                self._prune(now_ms)
                self._since_prune = 0
            self._db.commit()

    def _prune(self, now_ms: int) -> None:
        self._db.execute("DELETE FROM items WHERE at_ms < ?", (now_ms - KEEP_MS,))
        self._db.execute(
            "DELETE FROM items WHERE at_ms <= (SELECT at_ms FROM items ORDER BY at_ms DESC LIMIT 1 OFFSET ?)",
            (self._limit,),
        )

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._db.rollback()
            raise SourceError(
                f"{self._path}: cannot be used ({error}); free space on its disk",
                reason="items",
            ) from None

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM items").fetchone()[0])

    def close(self) -> None:
        """What was not committed is read again later."""
        self._db.close()


def _kind(item: Item) -> str:
    return item.kind if isinstance(item, Event) else "post"


def _item(kind: str, record: bytes) -> Item:
    return _post.decode(record) if kind == "post" else _event.decode(record)


def _hash(uri: str) -> bytes:
    return hashlib.blake2b(uri.encode(), digest_size=16).digest()


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
