"""From Jetstream messages to events: who did what to which account.

* A like or repost of something of an account: a like or share of it.
* A reply: a comment for the account that it answers, and one for the account whose thread it is in.
* A quote: a share. A reply that quotes is both.
* An account's own post, or its reply in somebody else's thread (venue elsewhere): a record for ``posts``.
  Its reply in its own thread is a comment of its own.

``id`` is the record's at-URI; in it, in ``parent`` and in ``thread`` the DID of anybody but the account
itself is replaced by that person's pseudonym, so no record names a person.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from resonanz_connectors.base import Person
from resonanz_connectors.bluesky_items import Item, Items
from resonanz_connectors.jetstream import (
    LIKE,
    POST,
    REPOST,
    Commit,
    Message,
    PostRecord,
    happened_ms,
    post_of,
    quoted,
    split,
    subject_of,
)
from resonanz_streams.events import MAX_ID, Event, Kind, Post
from resonanz_streams.registry import Account, Registry

SOURCE = "bluesky"
Venue = Literal["own", "elsewhere"]


class Records:
    """``accounts`` maps tracked DIDs to accounts; it may grow while handles are resolved."""

    def __init__(
        self,
        registry: Registry,
        accounts: Mapping[str, Account],
        items: Items,
        person: Callable[[str, str], Person],
    ) -> None:
        self._registry = registry
        self._accounts = accounts
        self._items = items
        self._person = person

    def read(self, message: Message, seen_ms: int) -> list[Item]:
        """What the message means; nothing, mostly.

        Raises:
            msgspec.ValidationError: a record that should have concerned us has another shape.
        """
        commit = message.commit
        if commit is not None and commit.collection in {LIKE, REPOST, POST}:
            if commit.operation == "delete":
                return self._removed(self._items.of(_uri(message)), message, seen_ms)
            read = self._post if commit.collection == POST else self._subject
            # All of it or nothing: a record that cannot be read to its end leaves no trace.
            found = list(read(message, commit, seen_ms))
            return [self._items.keep(_uri(message), self._actor(item, message.did), item) for item in found]
        state = message.account
        if state is not None and not state.active and state.status == "deleted":
            # Deactivated, suspended and taken down come back, perhaps: only what is deleted is taken back.
            actors = [self._registry.pseudonym(client, message.did) for client in self._clients()]
            return self._removed(self._items.by(actors), message, seen_ms)
        return []

    def _clients(self) -> list[str]:
        return list(dict.fromkeys(account.client for account in self._accounts.values()))

    def _actor(self, item: Item, did: str) -> str:
        known = item.actor if isinstance(item, Event) else None
        return known or self._person(item.account, did).actor

    def _removed(self, items: list[Item], message: Message, seen_ms: int) -> list[Item]:
        """A removal carries what its addition carried, and is never older than it."""
        for item in items:
            item.op = "remove"
            item.at_ms = max(item.at_ms, message.time_us // 1000)
            item.seen_ms = seen_ms
        return items

    def _subject(self, message: Message, commit: Commit, seen_ms: int) -> Iterator[Item]:
        like = subject_of(commit)
        account = self._owner(like.subject.uri)
        if account is None:
            return
        yield self._event(
            account,
            "like" if commit.collection == LIKE else "share",
            message,
            object=like.subject.uri,
            venue=self._venue(like.subject.uri),
            at_ms=happened_ms(like.created_at, message.time_us),
            seen_ms=seen_ms,
        )

    def _post(self, message: Message, commit: Commit, seen_ms: int) -> Iterator[Item]:
        post = post_of(commit)
        at_ms = happened_ms(post.created_at, message.time_us)
        author = self._accounts.get(message.did)
        if author is not None and (own := self._own_post(author, message, post, at_ms)):
            own.seen_ms = seen_ms
            yield own
        if post.reply is not None:
            yield from self._comments(message, post.reply.parent.uri, post.reply.root.uri, at_ms, seen_ms)
        if (uri := quoted(post)) is not None and (account := self._owner(uri)) is not None:
            venue = self._venue(uri)
            yield self._event(
                account, "share", message, object=uri, venue=venue, at_ms=at_ms, seen_ms=seen_ms
            )

    def _own_post(self, author: Account, message: Message, post: PostRecord, at_ms: int) -> Post | None:
        venue: Venue = "own"
        answered = None
        if post.reply is not None:
            if self._owner(post.reply.root.uri) is author:
                return None
            venue, answered = "elsewhere", self._shown(post.reply.parent.uri, author)
        return Post(
            id=_short(_uri(message)),
            source=SOURCE,
            account=author.id,
            object=answered,
            venue=venue,
            at_ms=at_ms,
        )

    def _comments(
        self, message: Message, parent: str, root: str, at_ms: int, seen_ms: int
    ) -> Iterator[Event]:
        answered, host = self._owner(parent), self._owner(root)
        for account in dict.fromkeys(found for found in (answered, host) if found is not None):
            yield self._event(
                account,
                "comment",
                message,
                object=parent if account is answered else root,
                parent=self._shown(parent, account),
                thread=self._shown(root, account),
                venue="own" if account is host else "elsewhere",
                at_ms=at_ms,
                seen_ms=seen_ms,
            )

    def _event(
        self,
        account: Account,
        kind: Kind,
        message: Message,
        *,
        at_ms: int,
        seen_ms: int,
        venue: Venue,
        object: str,  # noqa: A002  # the field's name
        parent: str | None = None,
        thread: str | None = None,
    ) -> Event:
        person = self._person(account.id, message.did)
        colleague = self._accounts.get(message.did)
        return Event(
            id=self._shown(_uri(message), account),
            source=SOURCE,
            kind=kind,
            account=account.id,
            actor=person.actor,
            own=person.own or (colleague is not None and colleague.client == account.client),
            object=_short(object),
            parent=parent,
            thread=thread,
            venue=venue,
            at_ms=at_ms,
            seen_ms=seen_ms,
        )

    def _owner(self, uri: str) -> Account | None:
        parts = split(uri)
        return None if parts is None else self._accounts.get(parts.authority)

    def _venue(self, uri: str) -> Venue:
        """Where the account's record stands, as far as it is remembered."""
        known = (item.venue for item in self._items.of(uri) if isinstance(item, Post))
        return next(known, "own")

    def _shown(self, uri: str, account: Account) -> str:
        """The URI as the account's records carry it: without anybody's DID but its own."""
        parts = split(uri)
        if parts is None:
            return self._registry.pseudonym(account.client, uri)
        if self._accounts.get(parts.authority) is account:
            return _short(uri)
        person = self._registry.pseudonym(account.client, parts.authority)
        return _short(f"at://{person}/{parts.collection}/{parts.rkey}")


def _uri(message: Message) -> str:
    commit = message.commit
    return "" if commit is None else f"at://{message.did}/{commit.collection}/{commit.rkey}"


def _short(uri: str) -> str:
    """What is longer than an id may be, by its hash; no record of the network's own apps is."""
    return uri if len(uri) <= MAX_ID else "at://" + hashlib.sha256(uri.encode()).hexdigest()
