"""The suite itself: sound connectors pass it, each kind of broken one fails it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from tests.scripted import Live, Scripted, ScriptedPlayback

from resonanz_connectors.base import Batch, Person
from resonanz_connectors.testing import ConnectorContract, Playback


class TestResuming(ConnectorContract):
    @pytest.fixture
    def playback(self) -> Playback:
        return ScriptedPlayback()


class TestLive(ConnectorContract):
    @pytest.fixture
    def playback(self) -> Playback:
        return ScriptedPlayback(Live)


class CursorFirst(Scripted):
    """Stores the cursor of records that it hands over only later."""

    async def stream(self) -> AsyncIterator[Batch]:
        async for batch in super().stream():
            yield Batch(cursor=batch.cursor, complete_through_ms=batch.complete_through_ms)
            await self.context.sleep(3, self.context.stop)
            yield batch


class Forgetful(Scripted):
    """Begins after what was there when it started."""

    def _batch(self, first: int, end: int, now_ms: int) -> Batch:
        batch = super()._batch(first, end, now_ms)
        return replace(batch, cursor=str(end + 1))


class Gossip(Scripted):
    """Publishes names."""

    def person(self, account: str, actor: str) -> Person:  # noqa: ARG002  # the point
        return Person(actor, False)


class Asleep(Scripted):
    """Never says how far it is."""

    def _batch(self, first: int, end: int, now_ms: int) -> Batch:
        return replace(super()._batch(first, end, now_ms), complete_through_ms=None)


class Unfeeling(Scripted):
    """Claims to be complete although its source is gone."""

    async def stream(self) -> AsyncIterator[Batch]:
        while True:
            yield Batch(complete_through_ms=self.context.clock())
            await self.context.sleep(1, self.context.stop)


class Careless(Scripted):
    """Drops what it cannot read."""

    def _batch(self, first: int, end: int, now_ms: int) -> Batch:
        return replace(super()._batch(first, end, now_ms), dead_letters=())


Check = Callable[[ConnectorContract, Playback], None]


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        (CursorFirst, ConnectorContract.test_every_stored_cursor_has_its_records_behind_it),
        (Forgetful, ConnectorContract.test_a_restart_loses_nothing),
        (Gossip, ConnectorContract.test_people_are_pseudonyms),
        (Asleep, ConnectorContract.test_it_says_that_it_lives),
        (Unfeeling, ConnectorContract.test_a_dead_source_is_not_a_silent_one),
        (Careless, ConnectorContract.test_what_cannot_be_read_is_kept),
    ],
)
def test_the_suite_finds(kind: type[Scripted], check: Check) -> None:
    with pytest.raises(AssertionError):
        check(ConnectorContract(), ScriptedPlayback(kind))
