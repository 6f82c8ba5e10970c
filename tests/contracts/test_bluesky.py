"""Bluesky: recorded Jetstream messages from a server on this machine, against expected events."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.jetstream_server import JetstreamServer, time_us
from tests.contracts.recorded_jetstream import (
    MALFORMED,
    RECORDED,
    SYNTHETIC,
    TRACKED,
    RecordedJetstream,
    canonical,
    counted,
    expected,
    play_until_quiet,
    published,
)

from resonanz_connectors.bluesky_place import REWIND_US
from resonanz_connectors.fakes import until
from resonanz_connectors.testing import ConnectorContract, Playback, Stage, lines_of
from resonanz_streams.topics import DEAD_LETTERS


class TestBluesky(ConnectorContract):
    @pytest.fixture
    def playback(self, tmp_path: Path) -> Playback:
        return RecordedJetstream(tmp_path)


# -- every recorded message means what it should -----------------------------------------------------


def test_every_message_means_what_it_should(tmp_path: Path) -> None:
    playback = RecordedJetstream(tmp_path)
    stage = Stage(playback)
    asyncio.run(play_until_quiet(playback, stage))
    assert canonical(published(stage)) == canonical(expected())
    letters = [record for record in stage.publisher.durable if record.topic == DEAD_LETTERS]
    assert [letter.value for letter in letters] == [MALFORMED]
    assert dict(letters[0].headers)["reason"] == b"wrong_type"
    assert not any(status.gaps for status in stage.statuses())


def test_cuts_and_repeats_change_nothing(tmp_path: Path) -> None:
    playback = RecordedJetstream(tmp_path)
    playback.server.cuts = [40, 3, 120, 1, 160]
    playback.server.repeats = True
    stage = Stage(playback)
    asyncio.run(play_until_quiet(playback, stage))
    assert len(playback.server.asked) == 6, "it came back after every cut"
    everything = canonical(published(stage))
    assert len(everything) > len(expected()), "the repeated ones were read"
    assert sorted(set(everything)) == canonical(expected())
    assert counted(published(stage)) == counted(expected())
    # 105 likes, 15 shares, 7 comments are left once everything was taken back that was.
    assert sum(counted(published(stage)).values()) == 127
    assert not any(status.gaps for status in stage.statuses())


def test_it_asks_for_what_it_needs(tmp_path: Path) -> None:
    playback = RecordedJetstream(tmp_path)
    playback.server.cuts = [100]
    stage = Stage(playback)
    asyncio.run(play_until_quiet(playback, stage))
    first, second = playback.server.asked
    assert first == {
        "wantedCollections": ["app.bsky.feed.like", "app.bsky.feed.repost", "app.bsky.feed.post"],
        "maxMessageSizeBytes": ["8388608"],
    }
    newest_us = max(time_us(message) for message in playback.server.messages[:100])
    assert second["cursor"] == [str(newest_us - REWIND_US)]


def test_deletions_are_known_after_a_restart(tmp_path: Path) -> None:
    """What was added before the restart is beyond the rewind: only the file of items can tell."""
    playback = RecordedJetstream(tmp_path)
    playback.server.messages = RECORDED
    stage = Stage(playback)
    asyncio.run(play_until_quiet(playback, stage))
    before = len(stage.publisher.durable)
    much_later = [message.replace(b'"time_us":1783175', b'"time_us":1783179') for message in SYNTHETIC[:3]]
    assert time_us(much_later[0]) - time_us(SYNTHETIC[0]) == 4_000_000_000
    # Older than what was seen: the server looks back as far as asked, so there is no gap.
    playback.server.messages = [RECORDED[-1], *much_later]
    stage.clock.now_ms += 4_000_000
    playback.start_ms = stage.clock.now_ms
    asyncio.run(play_until_quiet(playback, stage))
    removed = published(stage)[len(lines_of(stage.publisher.durable[:before])) :]
    wanted = expected(lines=[153, 154, 155])
    for event in wanted:
        event["at_ms"] += 4_000_000
    assert canonical(removed) == canonical(wanted)


def test_a_later_beginning_than_asked_for_is_a_gap(tmp_path: Path) -> None:
    playback = RecordedJetstream(tmp_path)
    playback.server.messages = RECORDED
    stage = Stage(playback)
    asyncio.run(play_until_quiet(playback, stage))
    through = {status.account: status.complete_through_ms for status in stage.statuses()}
    # A day later the server has forgotten the night.
    next_day_us = time_us(RECORDED[-2]) + 86_400_000_000
    playback.server.messages = [RECORDED[-2].replace(b"%d" % time_us(RECORDED[-2]), b"%d" % next_day_us)]
    stage.clock.now_ms += 86_400_000
    playback.start_ms = stage.clock.now_ms
    asyncio.run(play_until_quiet(playback, stage))
    first_ms = next_day_us // 1000
    assert len(stage.statuses()) == len(TRACKED)
    for status in stage.statuses():
        assert status.gaps == [(through[status.account], first_ms)]
        assert status.complete_through_ms == max(first_ms - 2_000, through[status.account])


def test_traffic_of_others_moves_the_mark(tmp_path: Path) -> None:
    """Connected, and nothing happens to our accounts: that is known, and the heartbeat says so."""
    playback = RecordedJetstream(tmp_path)
    follows = [message for message in RECORDED if b"app.bsky.graph.follow" in message]
    playback.server.messages = follows
    stage = Stage(playback)
    asyncio.run(play_until_quiet(playback, stage))
    assert not stage.publisher.durable
    newest_ms = max(map(time_us, follows)) // 1000
    assert {status.complete_through_ms for status in stage.statuses()} == {
        max(newest_ms - 2_000, time_us(follows[0]) // 1000)
    }
    assert {status.state for status in stage.statuses()} == {"down"}, "it was stopped"


def test_the_next_endpoint_is_tried(tmp_path: Path) -> None:
    dead = JetstreamServer([])

    class TwoEndpoints(RecordedJetstream):
        def options(self) -> Mapping[str, Any]:
            return {**super().options(), "endpoints": [dead.url, self.server.url]}

    playback = TwoEndpoints(tmp_path)
    stage = Stage(playback)

    async def scenario() -> None:
        async with stage.running():
            playback.server.release(len(playback.server.messages))
            await until(lambda: bool(stage.clock.slept))
            await playback.play(stage, playback.seconds)

    asyncio.run(scenario())
    assert canonical(published(stage)) == canonical(expected())
    assert all(status.errors == {"unreachable": 1} for status in stage.statuses())


def test_a_network_that_falls_silent_is_reconnected(tmp_path: Path) -> None:
    class Impatient(RecordedJetstream):
        def options(self) -> Mapping[str, Any]:
            return {**super().options(), "silence_seconds": 20}

    playback = Impatient(tmp_path)
    stage = Stage(playback)
    asyncio.run(play_until_quiet(playback, stage))
    assert len(playback.server.asked) >= 2
    assert all(status.errors["silent"] >= 1 for status in stage.statuses())
