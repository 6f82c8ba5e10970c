"""Takes messages off a WebSocket while the last ones are being worked on."""

import asyncio
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection

LIMIT: Final = 5_000
"""So many messages wait here at most; then the connection's own flow control holds the server back."""


class Inbox:
    """A context manager around reading; ``messages`` are in the order in which they came."""

    def __init__(self, socket: ClientConnection) -> None:
        self.messages: list[bytes] = []
        self._socket = socket
        self._some = asyncio.Event()
        self._room = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    @property
    def open(self) -> bool:
        """Whether more may come."""
        return self._reading is not None and not self._reading.done()

    async def wait(self, patience: asyncio.Future[None]) -> None:
        """Until there is a message, or ``patience`` ends.

        A connection that was cut still gives what came before; else one that is cut often would never
        be got past.

        Raises:
            websockets.exceptions.ConnectionClosed: it was cut, and everything has been taken.
        """
        if self._reading is None:
            raise RuntimeError("used outside of its context")
        some = asyncio.create_task(self._some.wait())
        try:
            ends: set[asyncio.Future[Any]] = {some, self._reading, patience}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            some.cancel()
        if not self.messages and self._reading.done():
            self._reading.result()

    def take(self) -> list[bytes]:
        """Everything so far; makes room."""
        taken, self.messages = self.messages, []
        self._some.clear()
        self._room.set()
        return taken

    async def _read(self) -> None:
        while True:
            self.messages.append(await self._socket.recv(decode=False))
            self._some.set()
            if len(self.messages) >= LIMIT:
                self._room.clear()
                await self._room.wait()
