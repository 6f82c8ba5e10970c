"""Jetstream v1 messages: which of them matter, and what they say. Pure; no network.

A message is one JSON object. Most concern nobody here, so a search of the raw bytes comes first and
only what is left is decoded.
"""

import datetime as dt
import re
from collections.abc import Container
from typing import Final, NamedTuple
from urllib.parse import urlencode

import msgspec

LIKE: Final = "app.bsky.feed.like"
REPOST: Final = "app.bsky.feed.repost"
POST: Final = "app.bsky.feed.post"
COLLECTIONS: Final = (LIKE, REPOST, POST)

MAX_MESSAGE: Final = 8 * 2**20
"""No message that means anything is as large: the network's records have at most 1 MiB, before escaping."""

PLAUSIBLE_MS: Final = 600_000
"""How far a record's own time may lie before the time at which the network saw it."""

_TIME_US: Final = re.compile(rb'"time_us"\s*:\s*(\d{1,19})')
_DID: Final = re.compile(rb"did:[a-z]+:[A-Za-z0-9._:%-]+")
_DELETE: Final = re.compile(rb'"operation"\s*:\s*"delete"')
_GONE: Final = re.compile(rb'"active"\s*:\s*false')


class Commit(msgspec.Struct):
    """A change of one record; a deletion carries no ``record``."""

    operation: str
    collection: str
    rkey: str
    record: msgspec.Raw = msgspec.Raw()


class AccountState(msgspec.Struct):
    """``status`` says why an account is not active: deleted, deactivated, suspended, takendown …"""

    active: bool
    status: str | None = None


class Message(msgspec.Struct):
    """One message; ``did`` is who did it."""

    did: str
    time_us: int
    kind: str
    commit: Commit | None = None
    account: AccountState | None = None


class Ref(msgspec.Struct):
    """What a record points to."""

    uri: str


class Reply(msgspec.Struct):
    """``parent`` is answered, ``root`` began the thread."""

    parent: Ref
    root: Ref


class Subject(msgspec.Struct):
    """A like or a repost."""

    subject: Ref
    created_at: str | None = msgspec.field(default=None, name="createdAt")


class PostRecord(msgspec.Struct):
    """A post; ``embed`` is looked at for quotes only."""

    created_at: str | None = msgspec.field(default=None, name="createdAt")
    reply: Reply | None = None
    embed: msgspec.Raw = msgspec.Raw()


class _Quote(msgspec.Struct, tag_field="$type", tag="app.bsky.embed.record"):
    record: Ref


class _Inner(msgspec.Struct):
    record: Ref


class _QuoteWithMedia(msgspec.Struct, tag_field="$type", tag="app.bsky.embed.recordWithMedia"):
    record: _Inner


class Uri(NamedTuple):
    """The parts of ``at://authority/collection/rkey``."""

    authority: str
    collection: str
    rkey: str


_message: Final = msgspec.json.Decoder(Message)
_subject: Final = msgspec.json.Decoder(Subject)
_post: Final = msgspec.json.Decoder(PostRecord)
_quote: Final = msgspec.json.Decoder(_Quote | _QuoteWithMedia)


def subscription(endpoint: str, cursor_us: int | None) -> str:
    """The address to follow likes, reposts and posts from ``cursor_us`` on (None: from now)."""
    query = [("wantedCollections", name) for name in COLLECTIONS]
    query.append(("maxMessageSizeBytes", str(MAX_MESSAGE)))
    if cursor_us is not None:
        query.append(("cursor", str(cursor_us)))
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def is_did(text: str) -> bool:
    """Whether it has the form of a DID, as :func:`concerns` finds them."""
    return _DID.fullmatch(text.encode()) is not None


def time_us_of(raw: bytes) -> int | None:
    """When the network saw the message, without decoding it."""
    # A text cannot feign it: in there the quotes are escaped, and records come after it.
    found = _TIME_US.search(raw)
    return int(found[1]) if found else None


def concerns(raw: bytes, dids: Container[bytes]) -> bool:
    """Whether the message may matter: it names one of ``dids``, or takes something back."""
    if any(did in dids for did in _DID.findall(raw)):
        return True
    return _DELETE.search(raw) is not None or _GONE.search(raw) is not None


def decode(raw: bytes) -> Message:
    """The message.

    Raises:
        msgspec.ValidationError: it has another shape.
        msgspec.DecodeError, UnicodeDecodeError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    return _message.decode(raw)


def subject_of(commit: Commit) -> Subject:
    """A like's or repost's content; raises as :func:`decode`."""
    return _subject.decode(commit.record)


def post_of(commit: Commit) -> PostRecord:
    """A post's content; raises as :func:`decode`."""
    return _post.decode(commit.record)


def quoted(post: PostRecord) -> str | None:
    """The URI of the post that this one quotes."""
    if not bytes(post.embed):
        return None
    try:
        embed = _quote.decode(post.embed)
    except msgspec.ValidationError:
        # Pictures, links, videos: every other kind of embed.
        return None
    uri = embed.record.uri if isinstance(embed, _Quote) else embed.record.record.uri
    parts = split(uri)
    return uri if parts is not None and parts.collection == POST else None


def split(uri: str) -> Uri | None:
    """The parts of an at-URI of a record; None if it is none."""
    parts = uri.removeprefix("at://").split("/")
    return Uri(*parts) if len(parts) == 3 and uri.startswith("at://") else None


def happened_ms(created_at: str | None, time_us: int) -> int:
    """When it happened, in epoch ms.

    The author's client sets ``created_at`` freely. It is taken if it lies at most ten minutes before the
    time at which the network saw the record; from the future, or from further back (an import, a
    draft sent late), it is that time instead.
    """
    seen_ms = time_us // 1000
    if created_at is None:
        return seen_ms
    try:
        created = dt.datetime.fromisoformat(created_at)
    except ValueError:
        return seen_ms
    if created.tzinfo is None:
        return seen_ms
    created_ms = (created - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
    return created_ms if seen_ms - PLAUSIBLE_MS <= created_ms <= seen_ms else seen_ms
