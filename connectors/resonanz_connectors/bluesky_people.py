"""What Bluesky's public API is asked for: whose handle is whose, and how many follow."""

import asyncio
import logging
from typing import Final

from resonanz_connectors.base import Batch, Connector, SourceError
from resonanz_connectors.bluesky_accounts import Tracked
from resonanz_connectors.bluesky_place import Place
from resonanz_connectors.bluesky_records import SOURCE
from resonanz_connectors.bluesky_rest import Rest
from resonanz_streams.events import Audience
from resonanz_streams.registry import Account

log = logging.getLogger(__name__)

_RETRY_MS: Final = 60_000
_LONG_RETRY_MS: Final = 900_000


class People:
    """Resolves the handles of ``tracked``, and asks every ``minutes`` (0: never) for followers.

    What goes wrong with an account it tells ``connector``, whose stream stands at ``place``.
    """

    def __init__(self, connector: Connector, tracked: Tracked, place: Place, minutes: float) -> None:
        self._connector = connector
        self._context = connector.context
        self._tracked = tracked
        self._place = place
        self._period_ms = round(minutes * 60_000)
        self._due_ms = 0
        self._told: set[str] = set()

    async def follow(self, rest: Rest, waiting: asyncio.Queue[Batch], answered: asyncio.Event) -> None:
        """Not before Jetstream has answered: an API that lives must not hide a stream that is dead."""
        await answered.wait()
        while (self._period_ms or self._tracked.handles) and not self._context.stop.is_set():
            wait_ms = max(0, self._due_ms - self._context.clock())
            if wait_ms:
                await self._context.sleep(wait_ms / 1000, self._context.stop)
            pause_ms = self._period_ms or _LONG_RETRY_MS
            try:
                if not await self.resolve(rest):
                    pause_ms = _RETRY_MS
                if self._period_ms:
                    await waiting.put(await self._audience(rest))
            except SourceError as error:
                self._connector.count_error(f"followers_{error.reason}")
                pause_ms = max(_RETRY_MS, round((error.retry_after_seconds or 0) * 1000))
            self._due_ms = self._context.clock() + pause_ms

    async def _audience(self, rest: Rest) -> Batch:
        dids = dict(self._tracked.dids)
        found = await rest.followers(list(dids))
        self._connector.rate_remaining = rest.remaining
        at_ms = self._context.clock()
        for did in dids.keys() - found.keys():
            self._connector.count_error("no_profile", [dids[did].id])
        return Batch(
            events=[
                Audience(
                    id=f"{did}@{at_ms}",
                    source=SOURCE,
                    account=dids[did].id,
                    at_ms=at_ms,
                    followers=followers,
                )
                for did, followers in found.items()
                if did in dids
            ]
        )

    async def resolve(self, rest: Rest) -> bool:
        """Find the DIDs of accounts that are configured by handle; False if not all could be asked for.

        Raises:
            SourceError: none could be, and no account is known yet, so nothing can start.
        """
        answered = True
        for handle, account in list(self._tracked.handles.items()):
            try:
                did = await rest.did_of(handle)
            except SourceError as error:
                error.args = (f"the handle {handle} cannot be looked up: {error}",)
                if not self._tracked.dids:
                    raise
                self._complain(account, "handle_unresolved", str(error))
                answered = False
                continue
            if did is None:
                self._connector.mark("down", [account.id])
                self._complain(account, "unknown_handle", f"nobody has the handle {handle}; correct it")
                continue
            del self._tracked.handles[handle]
            self._resolved(did, account)
        return answered

    def _resolved(self, did: str, account: Account) -> None:
        if not self._tracked.add(did, account):
            other = self._tracked.dids[did].id
            self._connector.mark("down", [account.id])
            self._complain(account, "same_as_another", f"is the same as {other}; leave one of them out")
            return
        self._connector.mark("ok", [account.id])
        newest_ms, through_ms = self._place.newest_ms, self._place.complete_through_ms
        if newest_ms is None or through_ms is None:
            return
        if self._place.first_ms is not None:
            self._connector.watch_from(newest_ms, [account.id])
        elif self._connector.complete_through(account.id) >= through_ms:
            return
        # The stream went on without this account (what the rewind brings is not lost).
        self._connector.gap(self._connector.complete_through(account.id), newest_ms, [account.id])

    def _complain(self, account: Account, reason: str, sentence: str) -> None:
        """Count it each time, say it once."""
        self._connector.count_error(reason, [account.id])
        if (said := f"{account.id}: {sentence}") not in self._told:
            self._told.add(said)
            log.warning("%s: %s", self._connector.name, said)
