"""Bluesky against a server that sends what it should not, and one that never comes to an end."""

import asyncio
import base64
import contextlib
import hashlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.jetstream_server import free_port, time_us
from tests.contracts.recorded_jetstream import (
    RECORDED,
    RecordedJetstream,
    canonical,
    expected,
    play_until_quiet,
    published,
)

from resonanz_connectors.bluesky_place import REWIND_US
from resonanz_connectors.fakes import until
from resonanz_connectors.testing import Stage
from resonanz_streams.topics import DEAD_LETTERS

LIKED = "did:plc:r2zybk6op3ymzpz6jhqpkoy5"
LIKE = RECORDED[0]
"""A like of something of LIKED."""

NEWEST_US = max(map(time_us, RECORDED))


def like(rkey: str, *, time: int = NEWEST_US, more: bytes = b"") -> bytes:
    """Another like of LIKED, by a stranger; ``more`` goes into the record."""
    subject = b'{"uri":"at://%s/app.bsky.feed.post/3mpsjbtci2c2o"}' % LIKED.encode()
    return (
        b'{"did":"did:plc:stranger","time_us":%d,"kind":"commit","commit":{"operation":"create",'
        b'"collection":"app.bsky.feed.like","rkey":"%s","record":{"subject":%s%s}}}'
    ) % (time, rkey.encode(), subject, more)


A_YEAR_US = 365 * 86_400_000_000
UNREADABLE = [
    (b"", "not_json"),
    (b"no json at all", "not_json"),
    (b"null", "wrong_type"),
    (b"[1]", "wrong_type"),
    (b"\xff\xfe", "not_json"),
    (LIKE[:-1], "not_json"),
    (like("deep", more=b',"x":' + b"[" * 50_000 + b"]" * 50_000), "too_deep"),
    (like("latin", more=b',"\xff":1').replace(b'"rkey":"latin"', b'"rkey":"\xfc"'), "not_json"),
    (like("nan", more=b',"x":NaN'), "not_json"),
    (like("later", time=NEWEST_US + A_YEAR_US), "time_out_of_range"),
    (like("long ago", time=1), "time_out_of_range"),
    (like("never", time=10**30), "time_out_of_range"),
    (LIKE.replace(b'"operation":"create"', b'"operation":7'), "wrong_type"),
]


class Hostile(RecordedJetstream):
    """Has arrived at the newest message whose time can be true."""

    def _arrived(self, stage: Stage) -> bool:
        return bool(stage.statuses()) and all(s.cursor == str(NEWEST_US) for s in stage.statuses())


def letters(stage: Stage) -> list[tuple[bytes, str]]:
    return [
        (record.value or b"", dict(record.headers)["reason"].decode())
        for record in stage.publisher.durable
        if record.topic == DEAD_LETTERS
    ]


def test_what_cannot_be_read_is_kept_and_all_else_is_counted(tmp_path: Path) -> None:
    playback = Hostile(tmp_path)
    playback.server.messages = [
        *(message for message, _ in UNREADABLE[:6]),
        *RECORDED[:70],
        *(message for message, _ in UNREADABLE[6:]),
        *RECORDED[70:],
    ]
    stage = Stage(playback)
    asyncio.run(play_until_quiet(playback, stage))
    assert letters(stage) == UNREADABLE
    assert canonical(published(stage)) == canonical(expected(range(1, 153)))
    for status in stage.statuses():
        assert status.cursor == str(NEWEST_US), "a time that cannot be true moves nothing"
        assert status.complete_through_ms <= NEWEST_US // 1000
        assert status.gaps == []
        assert status.errors == {"time_out_of_range": 1}


def test_the_first_message_need_not_be_readable_for_a_gap_to_be_seen(tmp_path: Path) -> None:
    playback = RecordedJetstream(tmp_path)
    playback.server.messages = RECORDED
    stage = Stage(playback)
    asyncio.run(play_until_quiet(playback, stage))
    stage.clock.now_ms += 3_600_000
    playback.start_ms = stage.clock.now_ms
    next_us = NEWEST_US + 3_600_000_000
    playback.server.messages = [b"rubbish", like("late", time=next_us)]
    playback.server.begins_us = 0
    asyncio.run(play_until_quiet(playback, stage))
    assert all(status.gaps[-1][1] == next_us // 1000 for status in stage.statuses())


def test_huge_records_and_long_names_are_counted_like_any(tmp_path: Path) -> None:
    playback = RecordedJetstream(tmp_path)
    long = "r" * 600
    playback.server.messages = [
        like("wide", more=b',"x":"%s"' % (b"x" * 2**21)),
        like(long),
        b'{"did":"did:plc:stranger","time_us":%d,"kind":"commit","commit":{"operation":"delete",'
        b'"collection":"app.bsky.feed.like","rkey":"%s"}}' % (NEWEST_US + 1_000_000, long.encode()),
    ]
    stage = Stage(playback)
    asyncio.run(play_until_quiet(playback, stage))
    wide, added, removed = published(stage)
    assert wide["id"].endswith("/app.bsky.feed.like/wide")
    assert len(added["id"]) <= 512
    assert (added["id"], removed["op"]) == (removed["id"], "remove")
    assert letters(stage) == []


def test_a_message_that_cannot_be_taken_is_leapt_over_and_leaves_a_gap(tmp_path: Path) -> None:
    """
    ::

        recorded ── 9 MiB ──────── 30 s later
                 └── leap ──┘ gap
    """
    playback = RecordedJetstream(tmp_path)
    later_us = NEWEST_US + 30_000_000
    playback.server.messages = [
        *RECORDED,
        like("huge", time=NEWEST_US + 500_000, more=b',"x":"%s"' % (b"x" * 9 * 2**20)),
        like("after", time=later_us),
    ]
    stage = Stage(playback)
    asyncio.run(play_until_quiet(playback, stage))
    assert {event["id"].rpartition("/")[2] for event in published(stage)} >= {"after"}
    others = {line for line in canonical(published(stage)) if '/after"' not in line}
    assert others == set(canonical(expected(range(1, 153))))
    cursors = [int(query["cursor"][0]) for query in playback.server.asked if "cursor" in query]
    assert cursors == [NEWEST_US - REWIND_US, NEWEST_US + 1_000_000]
    for status in stage.statuses():
        assert status.errors == {"too_large": 2}
        assert [end for _, end in status.gaps] == [later_us // 1000]
        assert status.gaps[0][0] <= NEWEST_US // 1000


def test_a_refusal_is_heeded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    playback = RecordedJetstream(tmp_path)
    playback.server.refusals = [(429, "7"), (503, "soon")]
    stage = Stage(playback)
    with caplog.at_level(logging.WARNING):
        asyncio.run(play_until_quiet(playback, stage))
    assert canonical(published(stage)) == canonical(expected())
    assert 7 in stage.clock.slept
    assert all(status.errors == {"rate_limited": 1, "refused": 1} for status in stage.statuses())
    assert [record.getMessage() for record in caplog.records] == [
        "bluesky: 127.0.0.1 answered 429; trying again in 7 s",
        "bluesky: 127.0.0.1 answered 503; trying again in 2 s",
    ]


# -- a server without an end -------------------------------------------------------------------------


class Endless:
    """Opens a message and never closes it; says no goodbye either."""

    def __init__(self) -> None:
        self.port = free_port()
        self.connections = 0
        self._talking = 0
        self._over = False

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._talk, "127.0.0.1", self.port)
        try:
            yield
        finally:
            self._over = True
            server.close()
            await until(lambda: self._talking == 0)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(line.split(": ")[1] for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Key"))
        accepted = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()  # noqa: S324  # the protocol's
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(accepted) + b"\r\n\r\n\x01\x01{"
        )
        self.connections += 1
        self._talking += 1
        with closing(writer), contextlib.suppress(ConnectionError):
            while not self._over:
                writer.write(b"\x00\x01 ")
                await writer.drain()
                await asyncio.sleep(0.01)
        self._talking -= 1


class EndlessFirst(RecordedJetstream):
    """The first endpoint is endless, the second is as it should be."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.endless = Endless()

    def options(self) -> Mapping[str, Any]:
        first = f"ws://127.0.0.1:{self.endless.port}/subscribe"
        return {**super().options(), "endpoints": [first, self.server.url], "silence_seconds": 30}

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        async with super().serving(), self.endless.serving():
            yield


def test_a_message_without_an_end_is_silence(tmp_path: Path) -> None:
    playback = EndlessFirst(tmp_path)
    stage = Stage(playback)

    async def scenario() -> None:
        async with stage.running():
            playback.server.release(len(playback.server.messages))
            await until(lambda: playback.endless.connections == 1)
            await stage.clock.advance(25)
            assert not playback.server.asked
            await playback.play(stage, 60)

    asyncio.run(scenario())
    assert canonical(published(stage)) == canonical(expected())
    assert all(status.errors["silent"] >= 1 for status in stage.statuses())


def test_a_stop_does_not_wait_for_a_goodbye(tmp_path: Path) -> None:
    playback = EndlessFirst(tmp_path)
    stage = Stage(playback)

    async def scenario() -> None:
        async with asyncio.timeout(None) as limit, stage.running():
            await until(lambda: playback.endless.connections == 1)
            limit.reschedule(asyncio.get_running_loop().time() + 5)

    asyncio.run(scenario())
    assert [status.state for status in stage.statuses()] == []


# -- the connector's own file ------------------------------------------------------------------------


def test_a_file_of_items_that_another_program_holds_is_waited_for(tmp_path: Path) -> None:
    playback = RecordedJetstream(tmp_path)
    stage = Stage(playback)

    async def scenario() -> None:
        async with stage.running():
            with closing(sqlite3.connect(tmp_path / "bluesky-items.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                playback.server.release(len(playback.server.messages))
                await until(lambda: bool(playback.server.asked))
                deadline = asyncio.get_running_loop().time() + 10
                while not any(status.errors.get("items") for status in stage.statuses()):
                    await asyncio.sleep(0.005)
                    await stage.clock.advance(0.05)
                    assert asyncio.get_running_loop().time() < deadline, "nothing was said"
                assert not stage.publisher.durable
            await playback.play(stage, playback.seconds)

    asyncio.run(scenario())
    assert canonical(published(stage)) == canonical(expected())
