"""What a connector hands to the base: records to publish, and how far it has come with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from resonanz_streams.errors import RetryError
from resonanz_streams.events import Audience, Event, Post, encode
from resonanz_streams.letters import Reason, letter
from resonanz_streams.topics import TOPIC_OF_KIND
from resonanz_streams.transports.ports import Outgoing

LONGEST_PATIENCE_SECONDS: Final = 86_400.0


class SourceError(RetryError):
    """The source is away, refuses, or asks for patience; the base waits and starts ``stream`` again.

    ``reason`` is a short word that counts such errors (``unreachable``, ``rate_limited`` …);
    ``retry_after_seconds`` is what the source asked for, and is never cut short. The message stands in
    the log, and must hold neither secrets nor people.
    """

    def __init__(
        self, message: str, *, reason: str = "unreachable", retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds

    @classmethod
    def refused(cls, place: str, status: int, headers: Mapping[str, str]) -> "SourceError":
        """For an answer by HTTP that is none of the expected; as patient as ``Retry-After`` asks (up to a
        day; a date there is left to the back-off)."""
        limited = status == HTTPStatus.TOO_MANY_REQUESTS
        asked = headers.get("Retry-After", "")
        return cls(
            f"{place} answered {status}",
            reason="rate_limited" if limited else "refused",
            retry_after_seconds=min(float(asked), LONGEST_PATIENCE_SECONDS) if asked.isdecimal() else None,
        )


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something that came from the source and cannot be understood.

    ``raw`` is what came, byte for byte. ``origin`` says where from (a file's name, a stream's), and
    ``partition`` and ``offset`` the place in it, as far as there is one.
    """

    raw: bytes
    reason: Reason
    error: str
    origin: str
    partition: int = 0
    offset: int = 0

    def record(self) -> Outgoing:
        """The same record as the engine writes for what it rejects."""
        return letter(
            self.raw,
            self.reason,
            self.error,
            origin=self.origin,
            partition=self.partition,
            offset=self.offset,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """A step of a source. Everything in it is durable before ``cursor`` is stored.

    ``events`` are encoded and addressed by the base; ``records`` are already (several events of one
    account in one record, one a line), and then ``last_event_ms`` says the newest event per account.
    ``complete_through_ms``: everything that happened up to here is in this batch or an earlier one; for
    all accounts, or per account. An empty batch with it is how a silent source says that it lives.
    ``watched_from_ms``: since when the source has been listened to without a break; only a source that
    cannot resume needs it (default: when ``stream`` was started).
    """

    events: Sequence[Event | Post | Audience] = ()
    records: Sequence[Outgoing] = ()
    dead_letters: Sequence[DeadLetter] = ()
    cursor: str | None = None
    complete_through_ms: int | Mapping[str, int] | None = None
    watched_from_ms: int | None = None
    last_event_ms: Mapping[str, int] | None = None

    def outgoing(self) -> list[Outgoing]:
        """Everything to publish, in order."""
        return [
            *map(address, self.events),
            *self.records,
            *(letter.record() for letter in self.dead_letters),
        ]

    def newest(self) -> dict[str, int]:
        """The newest event time per account."""
        newest = dict(self.last_event_ms or {})
        for event in self.events:
            if not isinstance(event, Audience):
                newest[event.account] = max(event.at_ms, newest.get(event.account, event.at_ms))
        return newest


def address(event: Event | Post | Audience) -> Outgoing:
    """The record of one event: its topic, and its account as the key."""
    if isinstance(event, Event):
        topic = TOPIC_OF_KIND[event.kind]
    else:
        topic = "posts" if isinstance(event, Post) else "audience"
    return Outgoing(topic, event.account.encode(), encode(event))
