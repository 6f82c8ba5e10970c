"""Where connectors keep how far they have come: in their heartbeats, so nothing else needs a place."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from resonanz_streams.errors import StopError
from resonanz_streams.events import Status, encode
from resonanz_streams.topics import STATUS
from resonanz_streams.transports.ports import Outgoing, Publisher, Tail
from resonanz_streams.unreadable import UNREADABLE

_POLL_SECONDS: Final = 0.5


class CursorStore(Protocol):
    """Durable heartbeats with the cursor in them."""

    async def load(self, connector: str) -> Mapping[str, Status]:
        """The newest status of each account of ``connector``.

        Raises:
            RetryError: the broker is away.
        """

    def save(self, statuses: Sequence[Status]) -> None:
        """Write; returns once it is durable. May block.

        Raises:
            RetryError: the broker is away; it is not known whether they were written.
        """


class TopicCursors:
    """Keeps them in the compacted topic ``connectors.status``, which every worker reads anyway."""

    def __init__(self, publisher: Publisher, open_tail: Callable[[Sequence[str]], Tail]) -> None:
        self._publisher = publisher
        self._open_tail = open_tail
        self._decoder = msgspec.json.Decoder(Status)

    async def load(self, connector: str) -> Mapping[str, Status]:
        """Read the topic from its beginning."""
        newest: dict[str, Status] = {}
        begins = f"{connector}/".encode()
        tail = self._open_tail([STATUS])
        try:
            while True:
                records = await tail.poll(_POLL_SECONDS)
                for record in records:
                    if record.value and record.key and record.key.startswith(begins):
                        status = self._decode(record.value)
                        newest[status.account] = status
                if tail.caught_up():
                    return newest
        finally:
            await tail.close()

    def _decode(self, value: bytes) -> Status:
        try:
            return self._decoder.decode(value)
        except UNREADABLE as error:
            raise StopError(
                f"{STATUS}: a heartbeat of this connector cannot be read ({error}); it may come from a newer"
                " version: start that one, or write a new heartbeat over it"
            ) from None

    def save(self, statuses: Sequence[Status]) -> None:
        """Publish them, key connector/account."""
        self._publisher.publish(
            [
                Outgoing(STATUS, f"{status.connector}/{status.account}".encode(), encode(status))
                for status in statuses
            ]
        )
        self._publisher.flush()
