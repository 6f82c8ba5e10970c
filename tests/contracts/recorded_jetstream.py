"""The recorded Jetstream messages as a playback, what they mean, and plain ways to compare."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.contracts.jetstream_server import JetstreamServer

from resonanz_connectors.bluesky import Bluesky
from resonanz_connectors.testing import Playback, Stage, lines_of

DATA = Path(__file__).parent.parent / "data" / "bluesky_jetstream"
RECORDED = (DATA / "recorded.jsonl").read_bytes().splitlines()
SYNTHETIC = (DATA / "synthetic.jsonl").read_bytes().splitlines()
MALFORMED = SYNTHETIC[9]
ACCOUNTS: dict[str, list[str]] = json.loads((DATA / "accounts.json").read_bytes())
TRACKED = {did for dids in ACCOUNTS.values() for did in dids}


DIDS = re.compile(rb"did:[a-z]+:[A-Za-z0-9._:%-]+")


def strangers() -> set[str]:
    """Everybody named anywhere in the recordings who is nobody's account."""
    named = {did.decode() for message in (*RECORDED, *SYNTHETIC) for did in DIDS.findall(message)}
    return named - TRACKED


class RecordedJetstream(Playback):
    connector = Bluesky
    name = "bluesky"
    handles = strangers()
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
            await stage.clock.advance(0.25)
            assert asyncio.get_running_loop().time() < deadline, "the messages did not arrive"
        await stage.clock.advance((ends_ms - stage.clock()) / 1000)

    def _arrived(self, stage: Stage) -> bool:
        statuses = stage.statuses()
        return bool(statuses) and all(int(s.cursor or 0) >= self.server.newest_us for s in statuses)

    def break_source(self) -> None:
        self.later.add(asyncio.ensure_future(self.server.stop()))

    def mend_source(self) -> None:
        self.later.add(asyncio.ensure_future(self.server.start()))


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
