"""The suite that every connector passes. Give it a playback: what the source says, and when.

For the guest book in :mod:`resonanz_connectors.base`::

    class Visits(Playback):
        '''Eighteen visitors and a blot in a minute.'''

        connector, name = Guestbook, "guestbook"
        clients = {"inn": {"name": "Inn", "accounts": [{"id": "guestbook:inn", "connector": "guestbook"}]}}
        handles = ("anna",)
        malformed, breaks = b"blot", True

        def __init__(self, folder: Path) -> None:
            self.folder, self.book = folder, folder / "guests.txt"
            self.lines = [b"%d anna\\n" % (self.start_ms + 3_000 * number) for number in range(18)]
            self.lines.insert(7, b"blot\\n")
            self.book.write_bytes(b"")

        async def play(self, stage: Stage, seconds: float) -> None:
            for _ in range(int(seconds)):
                so_far = (stage.clock() - self.start_ms) // 3_000
                self.book.write_bytes(b"".join(self.lines[:so_far]))
                await stage.clock.advance(1)

        def break_source(self) -> None:
            self.book.rename(self.folder / "elsewhere")

        def mend_source(self) -> None:
            (self.folder / "elsewhere").rename(self.book)

    class TestGuestbook(ConnectorContract):
        @pytest.fixture
        def playback(self, tmp_path: Path) -> Playback:
            return Visits(tmp_path)

Each test gets a fresh playback and may play it several times: the same time must bring the same things.
Needs pytest. What a source cannot do (break, send rubbish) is skipped aloud, with the reason.
"""

import asyncio
import itertools
import re
from collections.abc import Callable
from typing import ClassVar, Final

import msgspec
import pytest

from resonanz_connectors.fakes import MemoryCursorStore, RecordingPublisher, SettableClock, until
from resonanz_connectors.stage import SHAPES, Playback, Stage, identities, lines_of
from resonanz_streams.events import AHEAD_MS, EARLIEST_MS, Event, encode
from resonanz_streams.topics import DEAD_LETTERS, KIND_OF_TOPIC

__all__ = [
    "ConnectorContract",
    "MemoryCursorStore",
    "Playback",
    "RecordingPublisher",
    "SettableClock",
    "Stage",
    "identities",
    "lines_of",
    "until",
]

_PSEUDONYM: Final = re.compile(r"[0-9a-f]{32}")


class ConnectorContract:
    """What a connector promises. See the module's text."""

    restart_after: ClassVar[float] = 0.5
    """The share of the recording after which the suite restarts the connector."""

    @pytest.fixture
    def playback(self) -> Playback:
        """The recorded source."""
        raise NotImplementedError("give the suite a fixture named playback")

    @staticmethod
    def _whole(playback: Playback) -> Stage:
        stage = Stage(playback)
        asyncio.run(stage.run(playback.seconds))
        return stage

    def test_what_it_publishes_is_valid(self, playback: Playback) -> None:
        stage = self._whole(playback)
        lines = lines_of(stage.publisher.durable)
        assert lines, "the recording gave no events"
        for topic, key, line in lines:
            event = msgspec.json.decode(line, type=SHAPES.get(topic, Event))
            assert line.startswith(b'{"v":1,')
            assert key == event.account.encode()
            assert stage.registry.accounts[event.account].connector == playback.name
            assert EARLIEST_MS <= event.at_ms <= stage.clock() + AHEAD_MS
            if isinstance(event, Event):
                assert KIND_OF_TOPIC[topic] == event.kind
                assert event.count != 0

    def test_people_are_pseudonyms(self, playback: Playback) -> None:
        """Nobody is named in a record, a heartbeat, or beside a dead letter (which itself is as it came)."""
        stage = self._whole(playback)
        lines = lines_of(stage.publisher.durable)
        said = [key or b"" for _, key, _ in lines] + [line for _, _, line in lines]
        said += [encode(saved.status) for saved in stage.cursors.history]
        said += [content for record in stage.publisher.durable for _, content in record.headers]
        everything = b"\n".join(said)
        assert [handle for handle in playback.handles if handle.encode() in everything] == []
        for _, _, line in lines:
            actor = msgspec.json.decode(line).get("actor")
            assert actor is None or _PSEUDONYM.fullmatch(actor)

    def test_the_same_source_gives_the_same_identities(self, playback: Playback) -> None:
        first, second = self._whole(playback), self._whole(playback)
        assert identities(first.publisher.durable) == identities(second.publisher.durable)

    def test_every_stored_cursor_has_its_records_behind_it(self, playback: Playback) -> None:
        """From any heartbeat on, a new process publishes whatever was not durable at that time."""
        if not playback.connector.resumes:
            pytest.skip("this source cannot resume")
        stage = Stage(playback)
        stage.publisher.fail_flushes = 2
        asyncio.run(stage.run(playback.seconds))
        everything = identities(stage.publisher.durable)
        # Of each cursor the first heartbeat: the records behind it have had the least time.
        kept = {saved.status.cursor: saved for saved in reversed(stage.cursors.history)}
        kept.pop(None, None)
        assert kept, "it stores a cursor"
        for saved in list(kept.values())[:: max(1, len(kept) // 5)]:
            again = Stage(playback)
            again.clock.now_ms = stage.clock.now_ms
            again.cursors.newest[playback.name, saved.status.account] = saved.status
            asyncio.run(again.run(playback.seconds))
            durable = stage.publisher.durable[: saved.durable]
            assert everything <= identities(durable) | identities(again.publisher.durable)

    def test_a_restart_loses_nothing(self, playback: Playback) -> None:
        if not playback.connector.resumes:
            pytest.skip("this source cannot resume")
        whole, parted = self._whole(playback), Stage(playback)
        asyncio.run(parted.run(playback.seconds * self.restart_after))
        before = {status.account: list(status.gaps) for status in parted.statuses()}
        asyncio.run(parted.run(playback.seconds * (1 - self.restart_after)))
        assert identities(parted.publisher.durable) == identities(whole.publisher.durable)
        expected = {status.account: list(status.gaps) for status in whole.statuses()}
        found = {status.account: list(status.gaps) for status in parted.statuses()}
        assert before.keys() == found.keys()
        assert found == expected, "a source that resumes has no gap because of a restart"

    def test_a_broker_that_goes_away_costs_nothing(self, playback: Playback) -> None:
        whole, stage = self._whole(playback), Stage(playback)

        async def scenario() -> None:
            stage.publisher.away = True
            async with stage.running():
                await stage.clock.advance(5)
                assert not stage.publisher.durable
                stage.publisher.away = False
                stage.publisher.fail_flushes = 3
                await playback.play(stage, max(playback.seconds - 5, 0) + 60)

        asyncio.run(scenario())
        assert stage.publisher.failures >= 1
        assert identities(whole.publisher.durable) <= identities(stage.publisher.durable)

    def test_it_says_that_it_lives(self, playback: Playback) -> None:
        stage = self._whole(playback)
        names = {a.id for a in stage.registry.accounts.values() if a.connector == playback.name}
        assert {status.account for status in stage.statuses()} == names
        for name in names:
            beats = stage.cursors.of(name)
            assert [b.at_ms for b in beats] == sorted(b.at_ms for b in beats)
            assert max(later.at_ms - b.at_ms for b, later in itertools.pairwise(beats)) <= 15_000
            marks = [b.complete_through_ms for b in beats]
            assert marks == sorted(marks)
            assert marks[-1] > beats[0].since_ms, "complete_through_ms moves, events or not"

    def test_a_dead_source_is_not_a_silent_one(self, playback: Playback) -> None:
        if not playback.breaks:
            pytest.skip("this source cannot break")
        stage = Stage(playback)

        async def scenario() -> None:
            async with stage.running():
                await playback.play(stage, playback.seconds)
                playback.break_source()
                await self._while(stage, lambda: any(s.state != "ok" for s in stage.statuses()))
                marks = [status.complete_through_ms for status in stage.statuses()]
                await stage.clock.advance(120)
                assert all(status.state == "down" and status.errors for status in stage.statuses())
                assert [status.complete_through_ms for status in stage.statuses()] == marks
                tries = sum(next(iter(stage.statuses())).errors.values())
                assert 2 <= tries <= 12, "it tries again, ever less often"
                playback.mend_source()
                await self._while(stage, lambda: all(s.state == "ok" for s in stage.statuses()))
                if not playback.connector.resumes:
                    assert all(status.gaps for status in stage.statuses())

        asyncio.run(scenario())

    def test_what_cannot_be_read_is_kept(self, playback: Playback) -> None:
        if playback.malformed is None:
            pytest.skip("nothing malformed can come from this source")
        letters = [r for r in self._whole(playback).publisher.durable if r.topic == DEAD_LETTERS]
        assert playback.malformed in [letter.value for letter in letters]
        for letter in letters:
            assert {"reason", "topic", "partition", "offset", "error"} <= {name for name, _ in letter.headers}

    @staticmethod
    async def _while(stage: Stage, condition: Callable[[], bool]) -> None:
        for _ in range(300):
            if condition():
                return
            await stage.clock.advance(1)
        raise AssertionError("it did not happen within five minutes of the settable clock")
