"""Bluesky with all of a server's bad habits at once, killed now and then, and whether it names anybody."""

import asyncio
import json
import logging
from pathlib import Path

import pytest
from tests.contracts.jetstream_server import time_us
from tests.contracts.recorded_jetstream import (
    DIDS,
    MALFORMED,
    RECORDED,
    SYNTHETIC,
    RecordedJetstream,
    canonical,
    counted,
    expected,
    play_until_quiet,
    published,
    strangers,
)
from tests.processes import Process

from resonanz_connectors.testing import Stage, lines_of
from resonanz_streams.events import encode
from resonanz_streams.topics import DEAD_LETTERS, SOURCE_TOPICS
from resonanz_streams.transports.brokers import open_tail

A_DAY_US = 86_400_000_000


def test_cut_repeated_clamped_deleted_and_still_right(tmp_path: Path) -> None:
    """
    ::

        recorded ── cut ── cut ── … ▌stopped▐ ── a day later, looking back an hour ── synthetic, cut, repeated
    """
    playback = RecordedJetstream(tmp_path)
    playback.server.messages = RECORDED
    playback.server.cuts, playback.server.repeats = [40, 3, 120, 1], True
    stage = Stage(playback)
    asyncio.run(play_until_quiet(playback, stage))
    through = {status.account: status.complete_through_ms for status in stage.statuses()}

    later = [m.replace(b"%d" % time_us(m), b"%d" % (time_us(m) + A_DAY_US), 1) for m in SYNTHETIC]
    playback.server.messages = [*RECORDED, *later]
    playback.server.begins_us = time_us(later[0]) - 1
    playback.server.cuts = [4, 2]
    stage.clock.now_ms += A_DAY_US // 1000
    playback.start_ms = stage.clock.now_ms
    asyncio.run(play_until_quiet(playback, stage))

    everything = published(stage)
    assert len(everything) > len(expected()), "the repeated ones were read"
    found, wanted = counted(everything), counted(expected())
    assert found == wanted, "every event right, none missing, none too many"
    assert sum(found.values()) == 127
    assert {record.value for record in stage.publisher.durable if record.topic == DEAD_LETTERS} == {later[9]}
    first_ms = time_us(later[0]) // 1000
    assert {status.account: status.gaps for status in stage.statuses()} == {
        account: [(through_ms, first_ms)] for account, through_ms in through.items()
    }


def test_nobody_is_named_in_anything_that_leaves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Every byte: records, keys, headers, heartbeats, the file of items, the log. Only dead letters hold
    what came, as it came."""
    playback = RecordedJetstream(tmp_path)
    playback.server.cuts = [40]
    stage = Stage(playback)
    with caplog.at_level(logging.DEBUG, "resonanz_connectors"):
        asyncio.run(play_until_quiet(playback, stage))
    assert len(strangers()) > 150
    for record in stage.publisher.durable:
        value = b"" if record.topic == DEAD_LETTERS else record.value or b""
        headers = b"".join(content for _, content in record.headers)
        named = {did.decode() for did in DIDS.findall(value + headers + (record.key or b""))}
        own = {(record.key or b"").decode().removeprefix("bluesky:")} - {""}
        assert named == own, "only the account itself"
    left = b"".join(encode(saved.status) for saved in stage.cursors.history)
    left += b"".join(path.read_bytes() for path in tmp_path.iterdir()) + caplog.text.encode()
    assert b"did:plc:" in left
    assert {did.decode() for did in DIDS.findall(left)}.isdisjoint(strangers())
    actors = [json.loads(line).get("actor") for _, _, line in lines_of(stage.publisher.durable)]
    assert len({actor for actor in actors if actor}) > 100


# -- a real process, killed ---------------------------------------------------------------------------


def configuration(folder: Path, playback: RecordedJetstream) -> Path:
    key = folder / "key"
    key.write_text("0123456789abcdef0123456789abcdef")
    path = folder / "resonanz.yaml"
    path.write_text(
        json.dumps(
            {
                "broker": "sqlite:///resonanz.db",
                "pseudonym_key": f"file:{key}",
                "clients": playback.clients,
                "connectors": {"bluesky": dict(playback.options())},
            }
        )
    )
    return path


async def in_the_log(folder: Path) -> list[tuple[str, bytes]]:
    if not (folder / "resonanz.db").exists():
        return []
    tail = open_tail(f"sqlite:///{folder}/resonanz.db", [*SOURCE_TOPICS, DEAD_LETTERS])
    found: list[tuple[str, bytes]] = []
    try:
        while not tail.caught_up():
            found.extend(
                (r.topic, line) for r in await tail.poll(0.1) for line in (r.value or b"").split(b"\n")
            )
    finally:
        await tail.close()
    return found


def test_a_killed_process_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    """It is killed with SIGKILL as soon as something new is in the log: mostly before its heartbeat."""
    playback = RecordedJetstream(tmp_path)
    config = configuration(tmp_path, playback)

    async def scenario() -> list[tuple[str, bytes]]:
        total = len(playback.server.messages)
        async with playback.server.serving():
            for part in (40, 110, total):
                before = len(await in_the_log(tmp_path))
                playback.server.release(part)
                arguments = ["-m", "resonanz_streams", "connect", "--config", str(config)]
                with Process(arguments, tmp_path / "log.txt") as process:
                    await until_more(tmp_path, before, whole=part == total)
                    process.kill()
        return await in_the_log(tmp_path)

    lines = asyncio.run(scenario())
    events = [
        {"topic": topic, **{name: v for name, v in json.loads(line).items() if name != "seen_ms"}}
        for topic, line in lines
        if topic not in {DEAD_LETTERS, "audience"}
    ]
    assert len(events) > len(expected()), "something was read again"
    assert sorted(set(canonical(events))) == canonical(expected())
    assert counted(events) == counted(expected())
    assert MALFORMED in [line for topic, line in lines if topic == DEAD_LETTERS]


async def until_more(folder: Path, before: int, *, whole: bool) -> None:
    deadline = asyncio.get_running_loop().time() + 30
    while True:
        lines = await in_the_log(folder)
        if len(lines) > before and (not whole or MALFORMED in [line for _, line in lines]):
            return
        assert asyncio.get_running_loop().time() < deadline, "nothing arrived"
        await asyncio.sleep(0.02)
