"""Followers and handles from an API on this machine, beside a Jetstream on this machine."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.contracts.jetstream_server import JetstreamServer, free_port

from resonanz_connectors.batch import SourceError
from resonanz_connectors.bluesky import Bluesky
from resonanz_connectors.bluesky_rest import Rest
from resonanz_connectors.testing import Playback, Stage, lines_of
from resonanz_streams.errors import ConfigurationError

RECORDED = (Path(__file__).parents[1] / "data" / "bluesky_jetstream" / "recorded.jsonl").read_bytes()
LIKED = "did:plc:r2zybk6op3ymzpz6jhqpkoy5"
OTHER = "did:plc:xch6d5hpl66djlqq4j5uut6x"


class Api:
    """``answers`` are given first, in order; then what was asked for."""

    def __init__(self, followers: Mapping[str, int], handles: Mapping[str, str]) -> None:
        self.followers = followers
        self.handles = handles
        self.answers: list[web.Response] = []
        self.asked: list[tuple[str, list[str]]] = []
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_get("/xrpc/{method}", self._answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        wanted = [value for name, value in request.query.items() if name in {"actors", "handle"}]
        self.asked.append((method, wanted))
        if self.answers:
            return self.answers.pop(0)
        if method == "com.atproto.identity.resolveHandle":
            did = self.handles.get(wanted[0])
            return web.json_response(
                {"did": did} if did else {"error": "InvalidRequest"}, status=200 if did else 400
            )
        profiles = [
            {"did": did, "handle": "h", "followersCount": self.followers[did]}
            for did in wanted
            if did in self.followers
        ]
        return web.json_response({"profiles": profiles}, headers={"RateLimit-Remaining": "2999"})


async def rest(api: Api, dids: Sequence[str]) -> Mapping[str, int]:
    async with api.serving(), Rest(api.url) as client:
        return await client.followers(dids)


def test_at_most_25_actors_a_call() -> None:
    api = Api({f"did:plc:{number}": number for number in range(60)}, {})
    assert asyncio.run(rest(api, [f"did:plc:{number}" for number in range(61)])) == api.followers
    assert [len(actors) for _, actors in api.asked] == [25, 25, 11]


@pytest.mark.parametrize(
    ("answer", "reason", "patience"),
    [
        (web.Response(status=429, headers={"Retry-After": "120"}), "rate_limited", 120.0),
        (web.Response(status=503), "refused", None),
        (web.Response(text="<html>"), "not_understood", None),
    ],
)
def test_answers_that_are_none(answer: web.Response, reason: str, patience: float | None) -> None:
    api = Api({}, {})
    api.answers = [answer]
    with pytest.raises(SourceError) as caught:
        asyncio.run(rest(api, ["did:plc:a"]))
    assert (caught.value.reason, caught.value.retry_after_seconds) == (reason, patience)


def test_an_api_that_is_away() -> None:
    async def ask() -> None:
        async with Rest("http://127.0.0.1:9") as client:
            await client.did_of("winter.example")

    with pytest.raises(
        SourceError,
        match=r"^127\.0\.0\.1 cannot be reached \(ClientConnectorError\); check this machine's network$",
    ):
        asyncio.run(ask())


# -- in the connector --------------------------------------------------------------------------------


class Followed(Playback):
    """One account by DID, one by handle, and one whose handle nobody has."""

    connector = Bluesky
    name = "bluesky"
    start_ms = 1_783_175_888_000
    handle_accounts: Sequence[str] = ("bluesky:Winter.example", "bluesky:nobody.example")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        accounts = [{"id": f"bluesky:{OTHER}", "handle": "other.example"}, *self.handle_accounts]
        self.clients = {"a": {"name": "A", "accounts": accounts}}
        self.server = JetstreamServer(RECORDED.splitlines())
        self.api = Api({LIKED: 1200, OTHER: 7}, {"winter.example": LIKED})

    def options(self) -> Mapping[str, Any]:
        return {
            "endpoints": [self.server.url],
            "api": self.api.url,
            "handles": ["winter.example", "other.example"],
            "silence_seconds": 100_000,
        }

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        async with self.server.serving(), self.api.serving():
            yield


class ByDid(Followed):
    """One account, by its DID."""

    def __init__(self, folder: Path, did: str) -> None:
        super().__init__(folder)
        self.clients = {"a": {"name": "A", "accounts": [f"bluesky:{did}"]}}

    def options(self) -> Mapping[str, Any]:
        return {**super().options(), "handles": []}


def published(stage: Stage, topic: str) -> list[dict[str, Any]]:
    return [json.loads(line) for name, _, line in lines_of(stage.publisher.durable) if name == topic]


async def let_pass(stage: Stage, seconds: float, done: Any) -> None:
    """Wait until it is done, with the clock going on by so much in the meantime."""
    end_ms = stage.clock() + seconds * 1000
    deadline = asyncio.get_running_loop().time() + 10
    while not done():
        assert asyncio.get_running_loop().time() < deadline, "it did not happen"
        await asyncio.sleep(0.005)
        if stage.clock() < end_ms:
            await stage.clock.advance(0.3)


def test_followers_at_the_start_and_every_quarter_of_an_hour(tmp_path: Path) -> None:
    playback = Followed(tmp_path)
    stage = Stage(playback)

    async def scenario() -> None:
        async with stage.running():
            await let_pass(stage, 60, lambda: len(published(stage, "audience")) == 2)
            playback.api.followers = {LIKED: 1201}
            await stage.clock.advance(13 * 60)
            assert len(published(stage, "audience")) == 2
            await let_pass(stage, 180, lambda: len(published(stage, "audience")) == 3)

    asyncio.run(scenario())
    found = [(event["account"], event["followers"]) for event in published(stage, "audience")]
    assert sorted(found[:2]) == [("bluesky:Winter.example", 1200), (f"bluesky:{OTHER}", 7)]
    assert found[2] == ("bluesky:Winter.example", 1201)
    times = [event["at_ms"] for event in published(stage, "audience")]
    assert times[2] - times[0] == pytest.approx(900_000, abs=1_000)
    errors = {status.account: status.errors for status in stage.statuses()}
    assert errors[f"bluesky:{OTHER}"] == {"no_profile": 1}
    assert all(status.rate_remaining == 2999 for status in stage.statuses())


def test_handles_become_accounts(tmp_path: Path) -> None:
    playback = Followed(tmp_path)
    stage = Stage(playback)

    async def scenario() -> None:
        async with stage.running():
            await let_pass(stage, 60, lambda: len(published(stage, "likes")) == 2)
            await stage.clock.advance(4)

    asyncio.run(scenario())
    likes = {event["account"]: event for event in published(stage, "likes")}
    assert likes["bluesky:Winter.example"]["object"] == f"at://{LIKED}/app.bsky.feed.post/3mpsjbtci2c2o"
    statuses = {status.account: status for status in stage.statuses()}
    assert statuses["bluesky:nobody.example"].state == "down"
    assert statuses["bluesky:nobody.example"].errors["unknown_handle"] >= 1


def test_without_any_did_it_waits_for_the_api(tmp_path: Path) -> None:
    class OnlyHandles(Followed):
        def __init__(self, folder: Path) -> None:
            super().__init__(folder)
            self.clients = {"a": {"name": "A", "accounts": ["bluesky:winter.example"]}}
            self.api.answers = [
                web.Response(status=503),
                web.Response(status=429, headers={"Retry-After": "45"}),
            ]

        def options(self) -> Mapping[str, Any]:
            return {**super().options(), "handles": []}

    playback = OnlyHandles(tmp_path)
    stage = Stage(playback)

    async def scenario() -> None:
        async with stage.running():
            await let_pass(stage, 90, lambda: len(published(stage, "likes")) == 1)

    asyncio.run(scenario())
    assert max(stage.clock.slept) >= 45, "it was patient for as long as it was asked to be"
    (status,) = stage.statuses()
    assert status.errors == {"refused": 1, "rate_limited": 1}


def test_patience_with_the_api_does_not_stop_the_stream(tmp_path: Path) -> None:
    playback = ByDid(tmp_path, LIKED)
    playback.api.answers = [web.Response(status=429, headers={"Retry-After": "300"})]
    stage = Stage(playback)

    async def scenario() -> None:
        async with stage.running():
            await let_pass(stage, 60, lambda: len(playback.api.asked) == 1 and published(stage, "likes"))
            await stage.clock.advance(200)
            assert len(playback.api.asked) == 1
            await let_pass(stage, 200, lambda: bool(published(stage, "audience")))

    asyncio.run(scenario())
    assert [status.errors for status in stage.statuses()] == [{"followers_rate_limited": 1}]


def test_a_handle_that_is_no_account(tmp_path: Path) -> None:
    class Mistaken(ByDid):
        def options(self) -> Mapping[str, Any]:
            return {**super().options(), "handles": ["winter.example"]}

    playback = Mistaken(tmp_path, OTHER)

    async def scenario() -> None:
        async with Stage(playback).running():
            raise AssertionError("it must not begin")

    sentence = (
        "connectors.bluesky.handles: winter.example is no account; write under a client:"
        ' accounts: ["bluesky:winter.example"]'
    )
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(scenario())
    assert str(caught.value) == sentence
