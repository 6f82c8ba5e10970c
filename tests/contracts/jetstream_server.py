"""A Jetstream v1 server on this machine that plays messages from a list, with dials for its bad habits."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

_TIME_US = re.compile(rb'"time_us":(\d+)')


class JetstreamServer:
    """Sends the first ``released`` of ``messages``, from the cursor asked for on, to each connection.

    Dials: ``cuts`` holds after how many messages to cut the next connections; ``begins_us`` is how far
    back the server can look; ``repeats`` sends every message twice; ``refusals`` holds the statuses and
    ``Retry-After`` with which the next connections are turned away.
    """

    def __init__(self, messages: Sequence[bytes]) -> None:
        self.messages = list(messages)
        self.released = len(messages)
        self.cuts: list[int] = []
        self.refusals: list[tuple[int, str]] = []
        self.begins_us = 0
        self.repeats = False
        self.asked: list[dict[str, list[str]]] = []
        self.port = free_port()
        self._server: Server | None = None
        self._more = asyncio.Event()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/subscribe"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        await self.start()
        try:
            yield
        finally:
            await self.stop()

    async def start(self) -> None:
        self._more = asyncio.Event()
        self._server = await serve(
            self._talk, "127.0.0.1", self.port, compression=None, process_request=self._refuse
        )

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def release(self, number: int) -> None:
        """Let the world go on: that many messages have happened."""
        self.released = max(self.released, number)
        self._more.set()

    @property
    def newest_us(self) -> int:
        return max((time_us(message) for message in self.messages[: self.released]), default=0)

    def _refuse(self, connection: ServerConnection, request: Request) -> Response | None:  # noqa: ARG002  # the server's signature
        if not self.refusals:
            return None
        status, patience = self.refusals.pop(0)
        refusal = connection.respond(status, "")
        refusal.headers["Retry-After"] = patience
        return refusal

    async def _talk(self, connection: ServerConnection) -> None:
        query = parse_qs(urlsplit(connection.request.path if connection.request else "").query)
        self.asked.append(query)
        cursor = max(int(query.get("cursor", ["0"])[0]), self.begins_us)
        left = self.cuts.pop(0) if self.cuts else None
        sent = 0
        while True:
            for message in self.messages[sent : self.released]:
                sent += 1
                if time_us(message) < cursor:
                    continue
                if left is not None and left <= 0:
                    connection.transport.abort()
                    return
                left = None if left is None else left - 1
                for _ in range(2 if self.repeats else 1):
                    try:
                        await connection.send(message, text=True)
                    except ConnectionClosed:
                        return
            self._more.clear()
            closed = asyncio.ensure_future(connection.wait_closed())
            more = asyncio.ensure_future(self._more.wait())
            await asyncio.wait({closed, more}, return_when=asyncio.FIRST_COMPLETED)
            more.cancel()
            if closed.done():
                return
            closed.cancel()


def time_us(message: bytes) -> int:
    found = _TIME_US.search(message)
    return int(found[1]) if found else 0


def free_port() -> int:
    """A port to serve on; a connector's options name it before anything listens there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
