"""The embedded log when it is old, full, locked, or gone: nothing is lost, and a sentence says what to do."""

import sqlite3
from pathlib import Path

import pytest
from tests.engines import NOW_MS

from resonanz_streams.errors import RetryError, StopError
from resonanz_streams.topics import DAY_MS
from resonanz_streams.transports.ports import Outgoing
from resonanz_streams.transports.sqlite_log import SqliteLog
from resonanz_streams.transports.sqlite_retention import Retention


def log_of(folder: Path) -> SqliteLog:
    log = SqliteLog(folder / "log.db", busy_seconds=0.0)
    for topic in ("x.likes", "x.late"):
        log.create_topic(topic, 1, "delete")
    return log


def records(topic: str, count: int, size: int = 10) -> list[Outgoing]:
    return [Outgoing(topic, b"k", b"v" * size) for _ in range(count)]


def kept(log: SqliteLog, topic: str) -> list[int]:
    return [record.offset for record in log.read(topic, 0, 0, 2**20)]


def test_old_records_go_once_they_are_counted_and_others_by_age(tmp_path: Path) -> None:
    """35 days are kept. Of likes 0 to 2 are too old, and 0 and 1 counted; nobody counts what is late."""
    log = log_of(tmp_path)
    for topic in ("x.likes", "x.late"):
        log.append(records(topic, 3), NOW_MS - 36 * DAY_MS)
        log.append(records(topic, 1), NOW_MS - 34 * DAY_MS)
    with log.transaction() as connection:
        connection.execute("INSERT INTO offsets VALUES ('xg', 'likes', 0, 2)")
    retention = Retention(log, prefix="x.", group="xg")
    assert sum(retention.step(NOW_MS) for _ in range(20)) == 5
    assert (kept(log, "x.likes"), kept(log, "x.late")) == ([2, 3], [3])
    assert log.append(records("x.late", 1), NOW_MS) == {("x.late", 0): 5}, "offsets go on"
    log.close()


def test_nothing_that_was_never_counted_goes(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    log.append(records("x.likes", 3), NOW_MS - 400 * DAY_MS)
    retention = Retention(log, prefix="x.", group="xg")
    assert [retention.step(NOW_MS) for _ in range(20)] == [0] * 20
    assert kept(log, "x.likes") == [0, 1, 2]
    log.close()


def test_a_full_disk_writes_nothing_and_is_used_again_once_there_is_room(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    with log.snapshot() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(RetryError, match="the disk is full; free some space"):
        log.append(records("x.likes", 50, size=4096), NOW_MS)
    assert kept(log, "x.likes") == []
    with log.snapshot() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    assert log.append(records("x.likes", 50, size=4096), NOW_MS) == {("x.likes", 0): 50}
    log.close()


def test_a_lock_of_others_is_waited_for_and_then_said(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    other = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RetryError, match="another program has locked the database"):
        log.append(records("x.likes", 1), NOW_MS)
    other.execute("ROLLBACK")
    other.close()
    assert log.append(records("x.likes", 1), NOW_MS) == {("x.likes", 0): 1}
    log.close()


def test_a_file_that_was_taken_away_stops_its_writers(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    (tmp_path / "log.db").rename(tmp_path / "elsewhere.db")
    with pytest.raises(StopError, match="was moved or deleted while in use"):
        log.append(records("x.likes", 1), NOW_MS)
    log.close()
