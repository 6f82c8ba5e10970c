"""Bluesky with all of a server's bad habits at once, and whether it names anybody."""

import asyncio
import json
import logging
from pathlib import Path

import pytest
from tests.contracts.jetstream_server import time_us
from tests.contracts.recorded_jetstream import (
    DIDS,
    RECORDED,
    SYNTHETIC,
    RecordedJetstream,
    counted,
    expected,
    play_until_quiet,
    published,
    strangers,
)

from resonanz_connectors.testing import Stage, lines_of
from resonanz_streams.events import encode
from resonanz_streams.topics import DEAD_LETTERS

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
