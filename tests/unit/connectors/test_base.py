"""What the base does around a source: literal cases, on a clock that the test moves."""

import asyncio
import itertools
import logging
from collections.abc import Sequence

import msgspec
import pytest
from tests.scripted import ACCOUNT, START_MS, Live, Script, Scripted, ScriptedPlayback

from resonanz_connectors.base import Batch, Connector
from resonanz_connectors.fakes import MemoryCursorStore
from resonanz_connectors.stage import Stage, lines_of
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.events import Event, Status


def stage_of(kind: type[Scripted] = Scripted, script: Script | None = None) -> Stage:
    return Stage(ScriptedPlayback(kind, script))


def last(stage: Stage) -> Status:
    return stage.cursors.of(ACCOUNT)[-1]


def test_its_own_people_are_flagged_and_nameless() -> None:
    stage = stage_of(script=Script([(1, "winter"), (2, "anna")]))
    asyncio.run(stage.run(5))
    events = [msgspec.json.decode(line, type=Event) for _, _, line in lines_of(stage.publisher.durable)]
    assert [event.own for event in events] == [True, False]
    assert events[0].actor == stage.registry.pseudonym("bakery", "winter")


def test_a_heartbeat_says_how_far_it_is() -> None:
    stage = stage_of(script=Script([(1, "anna"), (3, "anna")]))
    asyncio.run(stage.run(10))
    assert last(stage).connector == "recorded"
    assert last(stage).cursor == "2"
    assert last(stage).last_event_ms == START_MS + 3_000
    assert last(stage).complete_through_ms == START_MS + 10_000
    assert last(stage).published == {f"comments/{stage.registry.accounts[ACCOUNT].partition}": 2}
    states = [status.state for status in stage.cursors.of(ACCOUNT)]
    assert states == ["ok"] * (len(states) - 1) + ["down"], "a connector that was stopped is not alive"


def test_a_source_that_cannot_resume_leaves_a_gap_from_its_last_word_to_its_return() -> None:
    """
    ::

        0 ──── 10 ▌stopped▐ 40 ──── 50     lost: [10 s, 40 s)
    """
    stage = stage_of(Live, Script([(5, "a"), (20, "lost"), (45, "b")]))

    async def scenario() -> None:
        await stage.run(10)
        await stage.clock.advance(30)
        await stage.run(10)

    asyncio.run(scenario())
    assert last(stage).gaps == [(START_MS + 10_000, START_MS + 40_000)]
    assert last(stage).since_ms == START_MS
    assert len(lines_of(stage.publisher.durable)) == 2


def test_a_gap_lasts_until_the_source_answers_not_until_the_first_try() -> None:
    stage = stage_of(Live)

    async def scenario() -> None:
        async with stage.running():
            await stage.clock.advance(10)
            stage.playback.break_source()
            await stage.clock.advance(60)
            stage.playback.mend_source()
            await stage.clock.advance(60)

    asyncio.run(scenario())
    ((start, end),) = last(stage).gaps
    assert start == START_MS + 10_000
    assert end > START_MS + 70_000


def test_it_waits_longer_and_longer_and_as_long_as_it_was_asked_to() -> None:
    patient, told = stage_of(script=Script(broken=True)), stage_of(script=Script(broken=True))
    told.playback.script.retry_after_seconds = 200  # type: ignore[attr-defined]  # the playback is scripted
    pauses = []
    for stage in (patient, told):
        asyncio.run(stage.run(900))
        opened = stage.playback.script.opened_ms  # type: ignore[attr-defined]  # as above
        pauses.append([round((b - a) / 1000, 1) for a, b in itertools.pairwise(opened)])
    longest = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert all(most / 2 <= pause <= most for pause, most in zip(pauses[0], longest, strict=False))
    assert len(pauses[0]) >= 15
    assert pauses[1] == [200.0] * 4
    assert last(patient).errors["gone"] == len(pauses[0]) + 1


def test_before_the_source_has_answered_or_failed_nothing_is_claimed() -> None:
    class Slow(Scripted):
        async def stream(self):  # type: ignore[no-untyped-def]  # the base's signature
            await self.context.sleep(30, self.context.stop)
            self.watch_from(START_MS - 86_400_000)
            async for batch in super().stream():
                yield batch

    stage = stage_of(Slow)

    async def scenario() -> None:
        async with stage.running():
            await stage.clock.advance(29)
            assert not stage.cursors.history
            await stage.clock.advance(10)
            assert last(stage).since_ms == START_MS - 86_400_000
            assert last(stage).state == "ok"

    asyncio.run(scenario())


def test_an_account_that_was_away_while_the_cursor_moved_on_has_a_gap() -> None:
    stage = stage_of()
    stage.cursors.newest["recorded", ACCOUNT] = beat(ACCOUNT, at=100, cursor="1")
    stage.cursors.newest["recorded", "forum:other"] = beat("forum:other", at=900, cursor="9")

    async def scenario() -> None:
        async with stage.running() as connector:
            assert connector.cursor == "9"
            await stage.clock.advance(5)

    asyncio.run(scenario())
    assert last(stage).gaps == [(START_MS - 900_000 + 100_000, START_MS)]


def beat(account: str, *, at: int, cursor: str) -> Status:
    at_ms = START_MS - 900_000 + at * 1000
    return Status(
        connector="recorded",
        account=account,
        at_ms=at_ms,
        state="ok",
        since_ms=START_MS - 900_000,
        complete_through_ms=at_ms,
        cursor=cursor,
    )


def test_a_heartbeat_that_cannot_be_written_does_not_stop_the_events() -> None:
    stage = stage_of(script=Script([(1, "anna"), (9, "anna")]))
    stage.cursors.away = False

    async def scenario() -> None:
        async with stage.running():
            stage.cursors.away = True
            await stage.clock.advance(10)
            assert len(lines_of(stage.publisher.durable)) == 2
            stage.cursors.away = False
            await stage.clock.advance(5)
            assert last(stage).errors["broker"] >= 2

    asyncio.run(scenario())


def test_a_stop_during_an_outage_moves_no_cursor() -> None:
    stage = stage_of(script=Script([(4, "anna")]))

    async def scenario() -> None:
        async with stage.running() as connector:
            await stage.clock.advance(2.5)
            stage.publisher.away = True
            await stage.clock.advance(30)
            assert connector.cursor == "0"

    asyncio.run(scenario())
    assert last(stage).cursor == "0"
    assert not lines_of(stage.publisher.durable)


def test_a_source_that_ends_says_so_with_what_it_published() -> None:
    class Finite(Scripted):
        async def stream(self):  # type: ignore[no-untyped-def]  # the base's signature
            yield self._batch(0, 2, self.context.clock())

    stage = stage_of(Finite, Script([(0, "a"), (0, "b")]))

    async def scenario() -> None:
        async with stage.running():
            pass

    asyncio.run(scenario())
    assert last(stage).ended
    assert last(stage).state == "ok"
    assert list(last(stage).published.values()) == [2]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"evry_seconds": 1},
            "connectors.recorded.evry_seconds: is not an option; write one of every_seconds",
        ),
        ({"every_seconds": "often"}, "connectors.recorded.every_seconds: input should be a valid number"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], sentence: str) -> None:
    stage = stage_of()
    stage.playback.options = lambda: options  # type: ignore[method-assign]  # a playback of this test

    async def scenario() -> Connector:
        async with stage.running() as connector:
            return connector

    with pytest.raises(ConfigurationError, match=sentence[:60]):
        asyncio.run(scenario())


def test_each_attempt_is_said_once_with_what_is_wrong_and_when_it_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = stage_of(script=Script(broken=True))
    with caplog.at_level(logging.WARNING):
        asyncio.run(stage.run(12))
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "recorded: the list is gone; trying again in 1 s"
    assert len(said) == last(stage).errors["gone"] >= 4
    assert all(record.exc_info is None for record in caplog.records)


def test_a_stop_tries_no_last_word_on_a_broker_that_just_failed() -> None:
    stage = stage_of(script=Script([(1, "anna")]))

    class Counting(MemoryCursorStore):
        tries = 0

        def save(self, statuses: Sequence[Status]) -> None:
            self.tries += 1
            super().save(statuses)

    stage.cursors = store = Counting()

    async def scenario() -> int:
        async with stage.running():
            await stage.clock.advance(0.5)
            stage.publisher.away = store.away = True
            await stage.clock.advance(5)
            return store.tries

    assert asyncio.run(scenario()) == store.tries


def test_a_publishers_secret_options_do_not_show() -> None:
    stage = stage_of()
    stage.playback.options = lambda: {"every_seconds": 3.25}  # type: ignore[method-assign]  # of this test

    async def scenario() -> str:
        async with stage.running() as connector:
            return repr(connector.context)

    assert "3.25" not in asyncio.run(scenario())


def test_a_first_cursor_is_durable_before_anything_comes_after_it() -> None:
    class Begins(Scripted):
        async def stream(self):  # type: ignore[no-untyped-def]  # the base's signature
            yield Batch(cursor="0")
            async for batch in super().stream():
                yield batch

    stage = stage_of(Begins, Script([(0, "anna")]))
    stage.cursors.away = True

    async def scenario() -> None:
        async with stage.running():
            await stage.clock.advance(10)
            assert not stage.publisher.durable
            stage.cursors.away = False
            await stage.clock.advance(20)

    asyncio.run(scenario())
    assert len(lines_of(stage.publisher.durable)) == 1
    assert stage.cursors.history[0].status.cursor == "0"
    assert stage.cursors.history[0].durable == 0
