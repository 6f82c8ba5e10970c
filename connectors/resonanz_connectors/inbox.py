"""Takes messages off a WebSocket while the last ones are being worked on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Self
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException
from websockets.frames import CloseCode

from resonanz_connectors.batch import SourceError
from resonanz_streams.errors import ConfigurationError, StopError

LIMIT: Final = 5_000
LIMIT_BYTES: Final = 32 * 2**20
"""So much waits here at most; then the connection's own flow control holds the server back."""

TOO_LARGE: Final = "too_large"
_OPEN_SECONDS: Final = 20.0
_CLOSE_SECONDS: Final = 0.5


class Inbox:
    """A context manager around reading; ``messages`` are in the order in which they came."""

    def __init__(self, socket: ClientConnection) -> None:
        self.messages: list[bytes] = []
        self._bytes = 0
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
        taken, self.messages, self._bytes = self.messages, [], 0
        self._some.clear()
        self._room.set()
        return taken

    async def _read(self) -> None:
        while True:
            message = await self._socket.recv(decode=False)
            self.messages.append(message)
            self._bytes += len(message)
            self._some.set()
            if len(self.messages) >= LIMIT or self._bytes >= LIMIT_BYTES:
                self._room.clear()
                await self._room.wait()


@asynccontextmanager
async def listening(url: str, largest: int) -> AsyncIterator[Inbox]:
    """A connection to ``url``, and what comes from it: messages of up to ``largest`` bytes.

    Raises (also from within the block):
        SourceError: it cannot be had or was cut; reason ``too_large``: by us, for a larger message.
        ConfigurationError: there is no such address.
        StopError: a proxy is asked for that needs a library which is not installed.
    """
    # No more of the address in what is said of it: there may be a secret in it.
    place = urlsplit(url).hostname or "the source"
    try:
        async with (
            connect(
                url,
                max_size=largest,
                compression=None,
                open_timeout=_OPEN_SECONDS,
                # A server that does not say goodbye must not hold up the end.
                close_timeout=_CLOSE_SECONDS,
            ) as socket,
            Inbox(socket) as inbox,
        ):
            yield inbox
    except InvalidURI:
        raise ConfigurationError(f"{place}: is no address of a WebSocket; write wss://host/path") from None
    except InvalidStatus as error:
        raise SourceError.refused(place, error.response.status_code, error.response.headers) from None
    except ConnectionClosed as error:
        raise _cut(place, error) from None
    except (WebSocketException, OSError, TimeoutError) as error:
        raise SourceError(
            f"{place} cannot be reached ({type(error).__name__}); check this machine's network"
        ) from None
    except ImportError as error:
        raise StopError(f"the proxy of this environment cannot be used: {error}") from None


def _cut(place: str, error: ConnectionClosed) -> SourceError:
    if error.sent is not None and error.sent.code == CloseCode.MESSAGE_TOO_BIG:
        return SourceError(f"{place} sent a message that is larger than any should be", reason=TOO_LARGE)
    return SourceError(f"{place} ended the connection")
