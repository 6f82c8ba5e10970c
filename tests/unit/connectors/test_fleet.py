"""Connectors that run while the configuration changes: who begins, who ends, who goes on and where."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from resonanz_connectors.base import Batch, Connector, Context
from resonanz_connectors.fakes import MemoryCursorStore, RecordingPublisher, SettableClock, inline, settle
from resonanz_connectors.fleet import Fleet
from resonanz_streams.errors import ConfigurationError, RetryError, StopError
from resonanz_streams.events import Event
from resonanz_streams.registry import Registry
from resonanz_streams.settings import Settings, settings_of
from resonanz_streams.transports.ports import Publisher

NOW_MS = 1_700_000_000_000
NAMES = ("poll", "push")


class Source(Connector):
    """Something happens to every account each second; the cursor counts the seconds."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        if any("wrong" in name for name in self.accounts):
            raise ConfigurationError("file:wrong: names no account")

    async def stream(self) -> AsyncIterator[Batch]:
        while not self.context.stop.is_set():
            number, now_ms = int(self.cursor or 0), self.context.clock()
            if any("broken" in name for name in self.accounts):
                raise StopError("its token is not accepted; make a new one")
            events = [
                Event(
                    id=str(number), source=self.name, kind="like", account=name, at_ms=now_ms, seen_ms=now_ms
                )
                for name in self.accounts
            ]
            yield Batch(events, cursor=str(number + 1), complete_through_ms=now_ms)
            if any("ends" in name for name in self.accounts):
                return
            await self.context.sleep(1, self.context.stop)


class World:
    """Everything around a fleet."""

    def __init__(self) -> None:
        self.clock = SettableClock(NOW_MS)
        self.publishers: list[RecordingPublisher] = []
        self.cursors = MemoryCursorStore()
        self.made: list[str] = []
        self.away = False
        self.fleet = Fleet(self._make, self._open)
        self.running: asyncio.Task[None] | None = None

    def _open(self) -> Publisher:
        if self.away:
            raise RetryError("the broker is away: start it")
        self.publishers.append(RecordingPublisher())
        return self.publishers[-1]

    def _make(
        self, name: str, settings: Settings, registry: Registry, publisher: Publisher, stop: asyncio.Event
    ) -> Connector:
        self.made.append(name)
        return Source(
            Context(
                name=name,
                accounts=tuple(one for one in registry.accounts.values() if one.connector == name),
                registry=registry,
                publisher=publisher,
                cursors=self.cursors,
                options=settings.connectors.get(name, {}),
                clock=self.clock,
                sleep=self.clock.sleep,
                offload=inline,
                stop=stop,
            )
        )

    async def change(self, **clients: Any) -> None:
        """Clients with their accounts, written connector/account."""
        written: dict[str, Any] = {}
        for name, more in clients.items():
            accounts = more["accounts"] if isinstance(more, dict) else more
            pairs = [account.split("/") for account in accounts]
            written[name] = {
                "name": name.title(),
                **(more if isinstance(more, dict) else {}),
                "accounts": [{"id": f"file:{it}", "connector": connector} for connector, it in pairs],
            }
        settings = settings_of({"clients": written})
        registry = Registry(settings, b"0123456789abcdef")
        names = [name for name in NAMES if any(a.connector == name for a in registry.accounts.values())]
        await self.fleet.change(names, settings, registry)
        if self.running is None:
            self.running = asyncio.create_task(self.fleet.run())
        await settle()

    def published(self) -> list[tuple[str, str]]:
        """Account and number of each event."""
        found: list[tuple[str, str]] = []
        for publisher in self.publishers:
            for record in publisher.durable:
                assert record.key is not None
                assert record.value is not None
                found.append(
                    (record.key.decode(), record.value.decode().partition('"id":"')[2].partition('"')[0])
                )
        return found

    def states(self) -> dict[str, str]:
        return {account: status.state for (_, account), status in self.cursors.newest.items()}


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def test_a_new_account_is_watched_and_the_others_go_on_where_they_were() -> None:
    async def scene() -> None:
        world = World()
        await world.change(bakery=["poll/a"])
        await world.clock.advance(2.5)
        before = world.published()
        assert before == [("file:a", "0"), ("file:a", "1"), ("file:a", "2")]

        await world.change(bakery=["poll/a", "poll/b"])
        await world.clock.advance(2.5)
        news = world.published()[len(before) :]
        assert news == [(account, number) for number in "345" for account in ("file:a", "file:b")]
        assert [status.gaps for status in world.cursors.newest.values()] == [[], []]
        # Nobody was told in between that the source is down.
        assert "down" not in {status.state for status in world.cursors.of("file:a")}
        assert world.cursors.newest["poll", "file:b"].since_ms >= NOW_MS + 2_500
        await world.fleet.close()

    run(scene())


def test_an_account_that_left_is_no_longer_watched() -> None:
    async def scene() -> None:
        world = World()
        await world.change(bakery=["poll/a", "poll/b", "push/c"])
        await world.clock.advance(1.5)
        await world.change(bakery=["poll/a"])
        before = set(world.published())
        await world.clock.advance(2)
        assert {account for account, _ in set(world.published()) - before} == {"file:a"}
        assert world.states() == {"file:a": "ok", "file:b": "ok", "file:c": "down"}
        await world.fleet.close()
        assert world.states()["file:a"] == "down"

    run(scene())


def test_what_concerns_a_connector_alone_leaves_the_others_alone() -> None:
    async def scene() -> None:
        world = World()
        await world.change(bakery={"accounts": ["poll/a"], "potential": 1}, theatre=["push/b"])
        await world.change(bakery={"accounts": ["poll/a"], "potential": 2}, theatre=["push/b"])
        assert world.made == ["poll", "push"]
        await world.change(bakery={"accounts": ["poll/a"], "own_actors": ["ann"]}, theatre=["push/b"])
        assert world.made == ["poll", "push", "poll"]
        await world.change(
            bakery={"accounts": ["poll/a"], "own_actors": ["ann"]}, theatre=["push/b", "push/c"]
        )
        assert world.made == ["poll", "push", "poll", "push"]
        assert len(world.publishers) == 2
        await world.fleet.close()

    run(scene())


def test_a_mistake_leaves_all_as_it_was() -> None:
    async def scene() -> None:
        world = World()
        await world.change(bakery=["poll/a"])
        with pytest.raises(ConfigurationError, match="file:wrong: names no account"):
            await world.change(bakery=["poll/a", "poll/b", "push/wrong"])
        world.away = True
        with pytest.raises(RetryError, match="the broker is away"):
            await world.change(bakery=["poll/a", "poll/b", "push/c"])
        await world.clock.advance(1.5)
        assert {account for account, _ in world.published()} == {"file:a"}
        world.away = False
        await world.change(bakery=["poll/a", "poll/b", "push/c"])
        await world.clock.advance(1.5)
        assert {account for account, _ in world.published()} == {"file:a", "file:b", "file:c"}
        await world.fleet.close()

    run(scene())


def test_it_ends_when_all_have_ended_and_not_while_one_is_being_replaced() -> None:
    async def scene() -> None:
        world = World()
        await world.change(bakery=["poll/a"])
        await world.change(bakery=["poll/b"])
        assert world.running is not None
        assert not world.running.done()
        await world.change(bakery=["poll/ends"])
        await world.clock.advance(1)
        await asyncio.wait_for(world.running, 5)
        await world.fleet.close()

    run(scene())


def test_one_that_cannot_go_on_ends_all_of_them() -> None:
    async def scene() -> None:
        world = World()
        await world.change(bakery=["poll/a"], theatre=["push/b"])
        await world.change(bakery=["poll/a"], theatre=["push/broken"])
        assert world.running is not None
        with pytest.raises(StopError, match="its token is not accepted"):
            await asyncio.wait_for(world.running, 5)
        await world.fleet.close()
        assert world.states()["file:a"] == "down"

    run(scene())


def test_a_stop_that_comes_meanwhile_is_for_the_new_ones_too() -> None:
    async def scene() -> None:
        world = World()
        await world.change(bakery=["poll/a"])
        changing = asyncio.create_task(world.change(bakery=["poll/a", "poll/b"]))
        await asyncio.sleep(0)
        world.fleet.stop()
        await changing
        assert world.running is not None
        await asyncio.wait_for(world.running, 5)
        await world.fleet.close()

    run(scene())
