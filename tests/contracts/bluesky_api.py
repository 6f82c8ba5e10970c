"""Bluesky's public API on this machine, and accounts that need it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from tests.contracts.jetstream_server import JetstreamServer, free_port
from tests.contracts.recorded_jetstream import RECORDED

from resonanz_connectors.bluesky import Bluesky
from resonanz_connectors.testing import Playback, Stage, lines_of

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
        self.server = JetstreamServer(RECORDED)
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


async def let_pass(stage: Stage, seconds: float, done: Callable[[], object]) -> None:
    """Wait until it is done, with the clock going on by so much in the meantime."""
    end_ms = stage.clock() + seconds * 1000
    deadline = asyncio.get_running_loop().time() + 10
    while not done():
        assert asyncio.get_running_loop().time() < deadline, "it did not happen"
        await asyncio.sleep(0.005)
        if stage.clock() < end_ms:
            await stage.clock.advance(0.3)
