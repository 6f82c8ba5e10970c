"""Bluesky: likes, replies, quotes and reposts from Jetstream, followers from the public API. No login.

Jetstream can be filtered by who acts, not by whom it concerns, so the connector reads all likes, reposts
and posts of the network and keeps what names an account of ours.

* Cursor: see :mod:`resonanz_connectors.bluesky_place`.
* Look-back is about 36 h. A server that begins later than asked has clamped it: that is a gap.
* Deletions: see :mod:`resonanz_connectors.bluesky_items`; times: :func:`.jetstream.happened_ms`.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import ClassVar, Final

import msgspec

from resonanz_connectors.base import Batch, Connector, Context, DeadLetter, SourceError
from resonanz_connectors.bluesky_accounts import Tracked
from resonanz_connectors.bluesky_items import Item, Items
from resonanz_connectors.bluesky_options import BlueskyOptions
from resonanz_connectors.bluesky_people import People
from resonanz_connectors.bluesky_place import Place
from resonanz_connectors.bluesky_records import Records
from resonanz_connectors.bluesky_rest import Rest
from resonanz_connectors.inbox import TOO_LARGE, Inbox, listening
from resonanz_connectors.jetstream import MAX_MESSAGE, Message, concerns, decode, subscription, time_us_of
from resonanz_streams.letters import Reason

_BATCH_SECONDS: Final = 0.25
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Bluesky(Connector):
    """Bluesky accounts: likes, replies, quotes, reposts, own posts and followers, without a login."""

    options_type = BlueskyOptions
    options: BlueskyOptions
    quiet_limit_ms: ClassVar[int] = 30_000

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._tracked = Tracked(self.accounts.values())
        self._tracked.check(self.name, self.options.handles)
        self._items: Items | None = None
        self._place = Place()
        self._attempt = 0
        self._listening = False
        self._people = People(self, self._tracked, self._place, self.options.followers_minutes)

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
        # What was read and did not become durable is read again.
        self._place.restart(self.cursor)
        self._listening = False
        async with Rest(self.options.api) as rest:
            await self._people.resolve(rest)
            waiting: asyncio.Queue[Batch] = asyncio.Queue(4)
            answered = asyncio.Event()
            tasks = [
                asyncio.create_task(self._follow(waiting, answered)),
                asyncio.create_task(self._people.follow(rest, waiting, answered)),
            ]
            try:
                while True:
                    yield await _next(waiting, tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, waiting: asyncio.Queue[Batch], answered: asyncio.Event) -> None:
        items, place = self._items, self._place
        if items is None:
            raise RuntimeError("stream() runs within run()")
        records = Records(self.context.registry, self._tracked.dids, items, self.person)
        endpoint = self.options.endpoints[self._attempt % len(self.options.endpoints)]
        self._attempt += 1
        try:
            async with listening(subscription(endpoint, place.ask_from_us()), MAX_MESSAGE) as inbox:
                while messages := await self._collect(inbox):
                    batch = self._batch(records, messages)
                    self._begin()
                    await self.context.offload(items.commit, self.context.clock())
                    await waiting.put(batch)
                    answered.set()
        except SourceError as error:
            if error.reason == TOO_LARGE:
                place.blocked()
            raise

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

    def _begin(self) -> None:
        """The first message of a connection shows from when on the server tells."""
        first_ms = self._place.first_ms
        if self._listening or first_ms is None:
            return
        self._listening = True
        self.watch_from(first_ms, self._tracked.names())
        if self._place.clamped:
            for name in self._tracked.names():
                self.gap(self.complete_through(name), first_ms, [name])

    def _batch(self, records: Records, messages: Sequence[bytes]) -> Batch:
        now_ms = self.context.clock()
        events: list[Item] = []
        letters: list[DeadLetter] = []
        impossible = 0
        for raw in messages:
            time_us = time_us_of(raw)
            possible = time_us is None or self._place.see(time_us, now_ms)
            impossible += not possible
            if time_us is not None and not concerns(raw, self._tracked.raw):
                continue
            if not possible:
                letters.append(_letter(raw, "time_out_of_range", "time_us cannot be true"))
                continue
            try:
                message = decode(raw)
                self._note_state(message)
                events.extend(records.read(message, now_ms))
            except _UNREADABLE as error:
                letters.append(_letter(raw, _reason(error), str(error), time_us or 0))
        if impossible:
            self.count_error("time_out_of_range")
        return Batch(
            events=events,
            dead_letters=letters,
            cursor=self._place.cursor,
            complete_through_ms=self._complete_through(),
        )

    def _complete_through(self) -> Mapping[str, int] | int | None:
        """Nothing is known of accounts whose DID is not."""
        through_ms = self._place.complete_through_ms
        if through_ms is None or len(self._tracked.dids) == len(self.accounts):
            return through_ms
        return dict.fromkeys(self._tracked.names(), through_ms)

    def _note_state(self, message: Message) -> None:
        """An account of ours that is suspended or deleted gives nothing more; say so."""
        if message.account is not None and (account := self._tracked.dids.get(message.did)) is not None:
            if message.account.active:
                self.mark("ok", [account.id])
            else:
                self.mark("down", [account.id], reason="account_inactive")


async def _next(waiting: asyncio.Queue[Batch], tasks: Sequence[asyncio.Task[None]]) -> Batch:
    """The next batch, or whatever made one of the tasks fail."""
    getting = asyncio.create_task(waiting.get())
    try:
        # What is waiting already comes before what went wrong after it.
        await asyncio.sleep(0)
        while not getting.done():
            for task in tasks:
                if task.done():
                    task.result()
            pending = [task for task in tasks if not task.done()]
            await asyncio.wait({getting, *pending}, return_when=asyncio.FIRST_COMPLETED)
        return getting.result()
    finally:
        getting.cancel()


def _letter(raw: bytes, reason: Reason, error: str, time_us: int = 0) -> DeadLetter:
    return DeadLetter(raw, reason, error, "jetstream", 0, time_us)


def _reason(error: Exception) -> Reason:
    if isinstance(error, RecursionError):
        return "too_deep"
    return "wrong_type" if isinstance(error, msgspec.ValidationError) else "not_json"
