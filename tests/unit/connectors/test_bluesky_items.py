"""What each record became is remembered, within bounds, and across a restart."""

from contextlib import closing
from pathlib import Path

import pytest

from resonanz_connectors.batch import SourceError
from resonanz_connectors.bluesky_items import KEEP_MS, Items
from resonanz_streams.errors import StopError
from resonanz_streams.events import Event, Post

AT = 1_783_175_888_085


def like(account: str = "bluesky:a", at_ms: int = AT, actor: str = "ann") -> Event:
    return Event(id="1", source="bluesky", kind="like", account=account, actor=actor, object="o", at_ms=at_ms)


def test_the_first_is_kept(tmp_path: Path) -> None:
    with closing(Items(tmp_path / "a.db", 10)) as items:
        assert items.keep("at://x", "ann", like()) == like()
        assert items.keep("at://x", "ann", like(at_ms=AT + 5)) == like()
        assert items.of("at://x") == [like()]
        assert items.of("at://y") == []


def test_one_record_may_concern_several(tmp_path: Path) -> None:
    post = Post(id="1", source="bluesky", account="bluesky:c", venue="elsewhere", at_ms=AT)
    with closing(Items(tmp_path / "a.db", 10)) as items:
        for item in (like("bluesky:b"), like("bluesky:a"), post):
            items.keep("at://x", "ann", item)
        items.keep("at://y", "bob", like(actor="bob"))
        assert items.of("at://x") == [like("bluesky:a"), like("bluesky:b"), post]
        assert len(items.by(["ann", "nobody"])) == 3
        assert items.by(["bob"]) == [like(actor="bob")]


def test_what_was_committed_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.db"
    with closing(Items(path, 10)) as items:
        items.keep("at://x", "ann", like())
        items.commit(AT)
        items.keep("at://y", "ann", like())
    with closing(Items(path, 10)) as items:
        assert items.of("at://x") == [like()]
        assert items.of("at://y") == []
        assert len(items) == 1


def test_the_old_and_the_many_are_forgotten(tmp_path: Path) -> None:
    with closing(Items(tmp_path / "a.db", 600)) as items:
        items.keep("at://old", "ann", like(at_ms=AT - KEEP_MS - 1))
        for number in range(1_000):
            items.keep(f"at://{number}", "ann", like(at_ms=AT - 1_000 + number))
        items.commit(AT)
        assert len(items) == 600
        assert items.of("at://old") == items.of("at://399") == []
        assert items.of("at://400")
        assert items.of("at://999")


def test_nobody_is_named_in_the_file(tmp_path: Path) -> None:
    with closing(Items(tmp_path / "a.db", 10)) as items:
        items.keep("at://did:plc:person/app.bsky.feed.like/1", "0" * 32, like())
        items.commit(AT)
    assert all(b"did:plc:person" not in path.read_bytes() for path in tmp_path.iterdir())


def test_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(StopError, match=r"a\.db: cannot hold the connector's items: file is not a database"):
        Items(path, 10)


def keep_many(items: Items) -> None:
    for number in range(100):
        items.keep(f"at://{number}", "ann", like())


def test_a_full_disk_is_said_and_can_be_mended(tmp_path: Path) -> None:
    with closing(Items(tmp_path / "a.db", 10)) as items:
        items.keep("at://x", "ann", like())
        items.commit(AT)
        items._db.execute("PRAGMA max_page_count = 1")
        with pytest.raises(SourceError, match=r"a\.db: cannot be used \(database or disk is full\)"):
            keep_many(items)
        items._db.execute("PRAGMA max_page_count = 1000")
        assert items.of("at://0") == [], "all of it or nothing"
        items.keep("at://0", "ann", like())
        items.commit(AT)
        assert items.of("at://x") == items.of("at://0") == [like()]
