"""Bluesky: recorded Jetstream messages from a server on this machine, against expected events."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.jetstream_server import JetstreamServer, time_us

from resonanz_connectors.bluesky import Bluesky
from resonanz_connectors.bluesky_place import REWIND_US
from resonanz_connectors.fakes import until
from resonanz_connectors.testing import ConnectorContract, Playback, Stage, lines_of
from resonanz_streams.topics import DEAD_LETTERS

DATA = Path(__file__).parent.parent / "data" / "bluesky_jetstream"
RECORDED = (DATA / "recorded.jsonl").read_bytes().splitlines()
SYNTHETIC = (DATA / "synthetic.jsonl").read_bytes().splitlines()
MALFORMED = SYNTHETIC[9]
ACCOUNTS: dict[str, list[str]] = json.loads((DATA / "accounts.json").read_bytes())
TRACKED = {did for dids in ACCOUNTS.values() for did in dids}


def actors() -> set[str]:
    """Everybody in the recordings who is nobody's account."""
    return {json.loads(message)["did"] for message in (*RECORDED, *SYNTHETIC)} - TRACKED


class RecordedJetstream(Playback):
    connector = Bluesky
    name = "bluesky"
    handles = actors()
    start_ms = 1_783_175_888_000
    seconds = 60.0
    malformed = MALFORMED
    breaks = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clients = {
            client: {
                "name": client.title(),
                "accounts": [{"id": f"bluesky:{did}", "connector": "bluesky"} for did in dids],
            }
            for client, dids in ACCOUNTS.items()
        }
        self.server = JetstreamServer([*RECORDED, *SYNTHETIC])
        self.server.released = 0
        self.broken = False
        self.later: set[asyncio.Task[None]] = set()

    def options(self) -> Mapping[str, Any]:
        return {"endpoints": [self.server.url], "followers_minutes": 0, "silence_seconds": 3600}

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        async with self.server.serving():
            yield

    async def play(self, stage: Stage, seconds: float) -> None:
        """Let the part of the recording happen that belongs to the time; then let the time pass."""
        ends_ms = stage.clock() + seconds * 1000
        share = min(1.0, (ends_ms - self.start_ms) / (self.seconds * 1000))
        self.server.released = 0
        self.server.release(round(share * len(self.server.messages)))
        deadline = asyncio.get_running_loop().time() + 10
        while stage.clock() < ends_ms and not self._arrived(stage):
            await asyncio.sleep(0.005)
            await stage.clock.advance(0.05)
            assert asyncio.get_running_loop().time() < deadline, "the messages did not arrive"
        await stage.clock.advance((ends_ms - stage.clock()) / 1000)

    def _arrived(self, stage: Stage) -> bool:
        statuses = stage.statuses()
        return bool(statuses) and all(int(s.cursor or 0) >= self.server.newest_us for s in statuses)

    def break_source(self) -> None:
        self.later.add(asyncio.ensure_future(self.server.stop()))

    def mend_source(self) -> None:
        self.later.add(asyncio.ensure_future(self.server.start()))


class TestBluesky(ConnectorContract):
    @pytest.fixture
    def playback(self, tmp_path: Path) -> Playback:
        return RecordedJetstream(tmp_path)


# -- every recorded message means what it should -----------------------------------------------------


def expected(lines: Iterable[int] | None = None) -> list[dict[str, Any]]:
    """The expected events of these lines of the recordings (all by default)."""
    wanted = None if lines is None else set(lines)
    events = [json.loads(line) for line in (DATA / "expected_events.jsonl").read_bytes().splitlines()]
    return [
        {name: value for name, value in event.items() if name != "line"}
        for event in events
        if wanted is None or event["line"] in wanted
    ]


def published(stage: Stage) -> list[dict[str, Any]]:
    """What became durable, with its topic and without the time at which it was seen."""
    return [
        {"topic": topic, **{name: v for name, v in json.loads(line).items() if name != "seen_ms"}}
        for topic, _, line in lines_of(stage.publisher.durable)
        if topic != "audience"
    ]


def canonical(events: Iterable[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(event, sort_keys=True) for event in events)


def counted(events: Iterable[dict[str, Any]]) -> dict[tuple[str, ...], bool]:
    """The contract's net state, told naively: per key whether it counts."""
    operations: dict[tuple[str, ...], list[tuple[int, bool]]] = {}
    for event in events:
        if event["topic"] == "posts":
            continue
        key = (event["account"], event["source"], event["kind"])
        key += (event["actor"], event["object"]) if event["kind"] == "like" else (event["id"],)
        operations.setdefault(key, []).append((event["at_ms"], event.get("op") == "remove"))
    return {key: not max(found)[1] for key, found in operations.items()}


async def play_until_quiet(playback: RecordedJetstream, stage: Stage) -> None:
    async with stage.running():
        await playback.play(stage, playback.seconds)


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
