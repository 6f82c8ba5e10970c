"""The embedded log's file: where it is, what is in it, how it is opened, and what its errors mean."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from resonanz_streams.errors import ConfigurationError, RetryError, StopError

BUSY_SECONDS: Final = 30.0
VERSION: Final = 1
_WAL_PAGES: Final = 4_000
_WAL_BYTES: Final = 64 * 2**20

# ``at_ms`` stands before ``value``: retention reads it without following a large value's pages.
_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS topics (
      tp INTEGER PRIMARY KEY, name TEXT NOT NULL, partition INTEGER NOT NULL, cleanup TEXT NOT NULL,
      next INTEGER NOT NULL DEFAULT 0, UNIQUE (name, partition))""",
    """CREATE TABLE IF NOT EXISTS log (
      id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, key BLOB, headers BLOB, value BLOB)""",
    """CREATE TABLE IF NOT EXISTS latest (
      tp INTEGER NOT NULL, key BLOB NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (tp, key)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS state (
      grp TEXT NOT NULL, partition INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,
      UNIQUE (grp, partition, key))""",
    """CREATE TABLE IF NOT EXISTS offsets (
      grp TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
      PRIMARY KEY (grp, topic, partition)) WITHOUT ROWID""",
    f"PRAGMA user_version = {VERSION}",
)


def path_of(url: str) -> Path:
    """The file of ``sqlite:///relative.db`` or ``sqlite:////absolute.db``.

    Percent signs are decoded, since Faust hands the URL on encoded: both forms must name one file.

    Raises:
        ConfigurationError: any other URL.
    """
    scheme, _, rest = url.partition(":")
    # Faust's URL type writes the relative form with one slash.
    place = rest.removeprefix("//")
    if scheme != "sqlite" or not place.startswith("/") or place == "/":
        raise ConfigurationError(f"broker: {url!r} names no file; write sqlite:///resonanz.db")
    return Path(unquote(place[1:]))


def existing(url: str) -> Path:
    """:func:`path_of`, for those who only ask: to open it would make what is not there.

    Raises:
        StopError: there is no such file.
    """
    path = path_of(url)
    if not path.exists():
        raise StopError(f"{path}: there is no such database; start a worker first: resonanz worker")
    return path


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns SQLite's and the system's errors into a sentence that says what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _sentence(path, error) from None
    except OSError as error:
        raise StopError(
            f"{path}: cannot be used ({error.strerror}); check the folder and its permissions"
        ) from None


def _sentence(path: Path, error: sqlite3.DatabaseError) -> RetryError | StopError:
    # Extended codes carry the primary one in their low byte.
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return RetryError(f"{path}: the disk is full; free some space, writing then goes on by itself")
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return RetryError(
            f"{path}: another program has locked the database for too long; end its transaction, "
            "writing then goes on by itself"
        )
    if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return StopError(f"{path}: cannot be opened for writing; check the folder and its permissions")
    if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
        return StopError(f"{path}: is no usable database ({error}); move it away to begin anew")
    if code == sqlite3.SQLITE_IOERR:
        return StopError(f"{path}: the disk fails ({error}); check it and its file system")
    return StopError(f"{path}: {error}; name another file under broker, or move this one away")


def connect(path: Path, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """A connection for use by several threads under a lock, with the tables made.

    Raises:
        StopError: the file cannot be used.
        RetryError: locked or full for now.
    """
    with explained(path):
        connection = sqlite3.connect(
            path, timeout=busy_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            # NORMAL may lose the tail with the power, and offsets that the state counts be given out again.
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA secure_delete=OFF")
            connection.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit={_WAL_BYTES}")
            _make_tables(path, connection)
        except BaseException:
            connection.close()
            raise
        return connection


def _make_tables(path: Path, connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise StopError(f"{path}: was written by a newer version of resonanz; update this one")
    if version == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute("COMMIT")


class HeldError(StopError):
    """Another process holds the lock."""


class GroupLock:
    """One worker a group and database: held until released or the process ends, however it ends.

    Raises:
        HeldError: another process holds it.
        StopError: the lock file cannot be made.
    """

    def __init__(self, path: Path, group: str) -> None:
        with explained(path):
            self._file = Path(f"{path}.{quote(group, safe='')}.lock").open("a")  # noqa: SIM115  # outlives the call
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise HeldError(
                f"{path}: another worker of group {group!r} is running on it; stop that one, "
                "or use Kafka for several workers"
            ) from None

    def release(self) -> None:
        """Let the next one in."""
        self._file.close()
