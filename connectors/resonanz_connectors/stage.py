"""How the contract suite plays a recorded source to a connector: everything around it is a fake."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from resonanz_connectors.base import Connector, Context
from resonanz_connectors.fakes import (
    MemoryCursorStore,
    RecordingPublisher,
    SettableClock,
    ended,
    inline,
    settle,
)
from resonanz_streams.events import Audience, Event, Post, Status
from resonanz_streams.registry import Registry, build_registry
from resonanz_streams.settings import settings_of
from resonanz_streams.topics import DEAD_LETTERS
from resonanz_streams.transports.ports import Outgoing

SHAPES: Final[dict[str, type[Any]]] = {"posts": Post, "audience": Audience}


class Playback:
    """A recorded source as the suite plays it. Each test gets a fresh one.

    ``clients`` is the configuration's part; its accounts name the connector ``name``. ``handles`` are
    names of people (not of accounts) that occur in the source and must occur nowhere in what is
    published. ``seconds`` of the settable clock suffice to play all of it.
    """

    connector: type[Connector]
    name: str = "recorded"
    clients: Mapping[str, Any]
    handles: Collection[str] = ()
    start_ms: int = 1_700_000_000_000
    seconds: float = 60.0
    folder: Path = Path()
    malformed: bytes | None = None
    """What a source sends that cannot be understood, as it must stand in the dead letter."""
    breaks: bool = False
    """Whether ``break_source`` and ``mend_source`` work."""
    offload: Any = staticmethod(inline)

    def options(self) -> Mapping[str, Any]:
        """The connector's options."""
        return {}

    def break_source(self) -> None:
        """From now on the source cannot be reached."""
        raise NotImplementedError

    def mend_source(self) -> None:
        """It can be reached again."""
        raise NotImplementedError

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Around every run: start and stop what the connector talks to."""
        yield

    async def play(self, stage: "Stage", seconds: float) -> None:
        """Let that much of the recording happen."""
        await stage.clock.advance(seconds)


class Stage:
    """What surrounds a connector in a test; outlives its restarts."""

    def __init__(self, playback: Playback) -> None:
        self.playback = playback
        self.clock = SettableClock(playback.start_ms)
        settings = settings_of(
            {"pseudonym_key": "${KEY}", "clients": dict(playback.clients)},
            environment={"KEY": "0123456789abcdef0123456789abcdef"},
        )
        self.registry: Registry = build_registry(settings)
        self.publisher = RecordingPublisher(self.registry.partitions)
        self.cursors = MemoryCursorStore(self.publisher)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Connector]:
        """A connector at work; stopped cleanly at the end."""
        stop = asyncio.Event()
        context = Context(
            name=self.playback.name,
            accounts=tuple(a for a in self.registry.accounts.values() if a.connector == self.playback.name),
            registry=self.registry,
            publisher=self.publisher,
            cursors=self.cursors,
            options=self.playback.options(),
            folder=self.playback.folder,
            clock=self.clock,
            sleep=self.clock.sleep,
            offload=self.playback.offload,
            random=Random(1),  # noqa: S311  # jitter, and the same in every run
            stop=stop,
        )
        async with self.playback.serving():
            connector = self.playback.connector(context)
            task = asyncio.create_task(connector.run())
            try:
                await settle()
                yield connector
            finally:
                stop.set()
                await ended(task)

    async def run(self, seconds: float) -> None:
        """Play for so long, from start to clean stop."""
        async with self.running():
            await self.playback.play(self, seconds)

    def statuses(self) -> Sequence[Status]:
        """The newest heartbeat of each account."""
        return [status for (name, _), status in self.cursors.newest.items() if name == self.playback.name]


def lines_of(records: Sequence[Outgoing]) -> list[tuple[str, bytes | None, bytes]]:
    """(topic, key, line) of everything but dead letters."""
    return [
        (record.topic, record.key, line)
        for record in records
        if record.topic != DEAD_LETTERS and record.value
        for line in record.value.split(b"\n")
    ]


def identities(records: Sequence[Outgoing]) -> set[tuple[Any, ...]]:
    """What a reader tells events apart by: all of it but when they were seen."""
    found: set[tuple[Any, ...]] = set()
    for topic, _, line in lines_of(records):
        event = msgspec.json.decode(line, type=SHAPES.get(topic, Event))
        found.add(
            (
                topic,
                event.source,
                event.account,
                event.id,
                getattr(event, "op", None),
                event.at_ms,
                getattr(event, "actor", None),
                event.object,
            )
        )
    return found
