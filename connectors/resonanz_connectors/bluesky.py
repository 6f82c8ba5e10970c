"""Bluesky: likes, replies, quotes and reposts from Jetstream, followers from the public API. No login.

Jetstream can be filtered by who acts, not by whom it concerns, so the connector reads all likes, reposts
and posts of the network and keeps what names an account of ours.

* Cursor: the newest ``time_us`` seen. A new connection asks for a few seconds before it (messages are
  slightly out of order, and other servers have other clocks); readers count once.
* Look-back is about 36 h. A server that begins later than asked has clamped it: that is a gap.
* Deletions: see :mod:`resonanz_connectors.bluesky_items`; times: :func:`.jetstream.happened_ms`.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar, Final

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidURI, WebSocketException

from resonanz_connectors.base import Batch, Connector, Context, DeadLetter, SourceError
from resonanz_connectors.bluesky_items import Item, Items
from resonanz_connectors.bluesky_options import BlueskyOptions
from resonanz_connectors.bluesky_records import SOURCE, Records
from resonanz_connectors.bluesky_rest import Rest
from resonanz_connectors.inbox import Inbox
from resonanz_connectors.jetstream import Message, concerns, decode, subscription, time_us_of
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.events import Audience
from resonanz_streams.registry import Account

REWIND_US: Final = 5_000_000
LAG_MS: Final = 2_000
"""A record comes up to so much after its ``time_us`` (they are slightly out of order)."""

_BATCH_SECONDS: Final = 0.25
_MAX_MESSAGE: Final = 4 * 2**20
_RETRY_FOLLOWERS_SECONDS: Final = 60.0


class Bluesky(Connector):
    """Bluesky accounts: likes, replies, quotes, reposts, own posts and followers, without a login."""

    options_type = BlueskyOptions
    options: BlueskyOptions
    quiet_limit_ms: ClassVar[int] = 30_000

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._dids: dict[str, Account] = {}
        self._raw_dids: set[bytes] = set()
        self._handles: dict[str, Account] = {}
        for account in self.accounts.values():
            native = account.id.partition(":")[2]
            if native.startswith("did:"):
                self._track(native, account)
            else:
                self._handles[native.removeprefix("@").lower()] = account
        self._check_handles()
        self._items: Items | None = None
        self._attempt = 0
        self._followers_due_ms = 0

    def _track(self, did: str, account: Account) -> None:
        self._dids[did] = account
        self._raw_dids.add(did.encode())

    def _check_handles(self) -> None:
        known = {account.handle.lower() for account in self._dids.values() if account.handle} | set(
            self._handles
        )
        for handle in self.options.handles:
            if handle.removeprefix("@").lower() not in known:
                raise ConfigurationError(
                    f"connectors.{self.name}.handles: {handle} is no account; write under a client:"
                    f' accounts: ["bluesky:{handle}"]'
                )

    async def run(self) -> None:
        """As the base, with the file of items open."""
        self._items = Items(self.context.folder / self.options.items, self.options.items_kept)
        try:
            await super().run()
        finally:
            self._items.close()

    # -- the stream ----------------------------------------------------------------------------------

    async def stream(self) -> AsyncIterator[Batch]:
        """Jetstream, and once that has answered the followers beside it."""
        async with Rest(self.options.api) as rest:
            await self._resolve(rest)
            waiting: asyncio.Queue[Batch] = asyncio.Queue(4)
            answered = asyncio.Event()
            tasks = [asyncio.create_task(self._follow(waiting, answered))]
            if self.options.followers_minutes:
                tasks.append(asyncio.create_task(self._follow_audience(rest, waiting, answered)))
            try:
                while True:
                    yield await _next(waiting, tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, waiting: asyncio.Queue[Batch], answered: asyncio.Event) -> None:
        items = self._items
        if items is None:
            raise RuntimeError("stream() runs within run()")
        records = Records(self.context.registry, self._dids, items, self.person)
        endpoint = self.options.endpoints[self._attempt % len(self.options.endpoints)]
        self._attempt += 1
        last_us = None if self.cursor is None else int(self.cursor)
        url = subscription(endpoint, None if last_us is None else max(0, last_us - REWIND_US))
        try:
            async with (
                connect(url, max_size=_MAX_MESSAGE, compression=None, open_timeout=20) as socket,
                Inbox(socket) as inbox,
            ):
                first = True
                while messages := await self._collect(inbox):
                    if first:
                        self._begin(messages[0], last_us)
                        first = False
                    batch = self._batch(records, messages, last_us)
                    last_us = None if batch.cursor is None else int(batch.cursor)
                    await self.context.offload(items.commit, self.context.clock())
                    await waiting.put(batch)
                    answered.set()
        except InvalidURI as error:
            raise ConfigurationError(f"connectors.{self.name}.endpoints: {error}") from None
        except (WebSocketException, InvalidHandshake, OSError, TimeoutError) as error:
            raise SourceError(f"{endpoint}: {type(error).__name__}") from None

    async def _collect(self, inbox: Inbox) -> list[bytes]:
        """What comes within a moment. A network that is never silent, silent, is a dead connection."""
        sleeping = asyncio.ensure_future(self._sleep(self.options.silence_seconds))
        try:
            await inbox.wait(sleeping)
        finally:
            sleeping.cancel()
        if not inbox.messages:
            raise SourceError("Jetstream has fallen silent", reason="silent")
        if inbox.open:
            await self._sleep(_BATCH_SECONDS)
        return inbox.take()

    async def _sleep(self, seconds: float) -> None:
        await self.context.sleep(seconds, self.context.stop)

    def _begin(self, message: bytes, last_us: int | None) -> None:
        """The first message of a connection shows from when on the server tells."""
        first_us = time_us_of(message)
        if first_us is None:
            return
        first_ms = first_us // 1000
        self.watch_from(first_ms)
        if last_us is not None and first_us > last_us:
            # The rewind must have brought something older than what was seen: the look-back was clamped.
            for account in self.accounts:
                self.gap(self.complete_through(account), first_ms, [account])

    def _batch(self, records: Records, messages: Sequence[bytes], last_us: int | None) -> Batch:
        seen_ms = self.context.clock()
        events: list[Item] = []
        letters: list[DeadLetter] = []
        for raw in messages:
            time_us = time_us_of(raw)
            if time_us is not None:
                last_us = time_us if last_us is None else max(last_us, time_us)
                if not concerns(raw, self._raw_dids):
                    continue
            try:
                message = decode(raw)
                self._note_state(message)
                events.extend(records.read(message, seen_ms))
            except msgspec.DecodeError as error:
                shape = isinstance(error, msgspec.ValidationError)
                letters.append(
                    DeadLetter(
                        raw, "wrong_type" if shape else "not_json", str(error), "jetstream", 0, time_us or 0
                    )
                )
        return Batch(
            events=events,
            dead_letters=letters,
            cursor=None if last_us is None else str(last_us),
            complete_through_ms=None if last_us is None else last_us // 1000 - LAG_MS,
        )

    def _note_state(self, message: Message) -> None:
        """An account of ours that is suspended or deleted gives nothing more; say so."""
        if message.account is not None and (account := self._dids.get(message.did)) is not None:
            if message.account.active:
                self.mark("ok", [account.id])
            else:
                self.mark("down", [account.id], reason="account_inactive")

    # -- followers and handles -----------------------------------------------------------------------

    async def _follow_audience(
        self, rest: Rest, waiting: asyncio.Queue[Batch], answered: asyncio.Event
    ) -> None:
        """Not before Jetstream has answered: an API that lives must not hide a stream that is dead."""
        await answered.wait()
        period_ms = round(self.options.followers_minutes * 60_000)
        while not self.context.stop.is_set():
            wait_ms = max(0, self._followers_due_ms - self.context.clock())
            if wait_ms:
                await self._sleep(wait_ms / 1000)
            try:
                await self._resolve(rest)
                await waiting.put(await self._audience(rest))
                self._followers_due_ms = self.context.clock() + period_ms
            except SourceError as error:
                self.count_error(f"followers_{error.reason}")
                seconds = max(_RETRY_FOLLOWERS_SECONDS, error.retry_after_seconds or 0)
                self._followers_due_ms = self.context.clock() + round(seconds * 1000)

    async def _audience(self, rest: Rest) -> Batch:
        found = await rest.followers(list(self._dids))
        self.rate_remaining = rest.remaining
        at_ms = self.context.clock()
        for did in self._dids.keys() - found.keys():
            self.count_error("no_profile", [self._dids[did].id])
        return Batch(
            events=[
                Audience(
                    id=f"{did}@{at_ms}",
                    source=SOURCE,
                    account=self._dids[did].id,
                    at_ms=at_ms,
                    followers=followers,
                )
                for did, followers in found.items()
                if did in self._dids
            ]
        )

    async def _resolve(self, rest: Rest) -> None:
        """Find the DIDs of accounts that are configured by handle; without any DID nothing can start."""
        for handle, account in list(self._handles.items()):
            try:
                did = await rest.did_of(handle)
            except SourceError:
                if not self._dids:
                    raise
                self.count_error("handle_unresolved", [account.id])
                continue
            if did is None:
                self.mark("down", [account.id], reason="unknown_handle")
                continue
            self._track(did, account)
            self.mark("ok", [account.id])
            del self._handles[handle]


async def _next(waiting: asyncio.Queue[Batch], tasks: Sequence[asyncio.Task[None]]) -> Batch:
    """The next batch, or whatever ended one of the tasks."""
    getting = asyncio.create_task(waiting.get())
    try:
        await asyncio.wait({getting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        if not getting.done():
            for task in tasks:
                if task.done():
                    task.result()
        return await getting
    finally:
        getting.cancel()
