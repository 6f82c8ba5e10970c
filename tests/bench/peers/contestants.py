"""Each peer as a contestant: on all events, or those that would take too long on the first of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from resonanz_streams.topics import INTERACTION_TOPICS
from tests.bench.children import OURS, measured_child, module
from tests.bench.figures import Round
from tests.bench.peers.environments import PeerUnavailableError, java_of_streams, python_of
from tests.bench.wholes import Contestant

DRAIN: Final = "aiokafka getmany alone"
STREAMS: Final = "Kafka Streams 4.3"
STREAMS_LOGGED: Final = "Kafka Streams 4.3 with changelog"
PATHWAY: Final = "Pathway 0.33, one thread"
PATHWAY_GROUPED: Final = "Pathway 0.33, one thread, a group-by"
QUIX: Final = "Quix Streams 3.28"
BYTEWAX: Final = "Bytewax 0.21"
FAUST: Final = "plain Faust 0.15"
_COUNT: Final = "a count per account, kind and 10 s"


@dataclass(frozen=True, slots=True)
class Filled:
    """Topics with ``events``, and ``records`` with the sentinels."""

    prefix: str
    events: int
    records: int

    @property
    def topics(self) -> list[str]:
        """Their names."""
        return [self.prefix + topic for topic in INTERACTION_TOPICS]


@dataclass(frozen=True, slots=True)
class Arena:
    """Where they meet: the broker's ``host:port``, all events, the first of them, a folder for what they
    print."""

    servers: str
    whole: Filled
    part: Filled
    folder: Path

    def peer(
        self, name: str, note: str, filled: Filled, command: Callable[[str], Sequence[str]], most: int = 1000
    ) -> Contestant:
        """``command``: what to run, given a name for the round's group; the topics follow."""
        slug = "".join(letter if letter.isalnum() else "-" for letter in name.lower())
        if filled.events != self.whole.events:
            note = f"{note}; {filled.events:,} events"

        def run(number: int) -> Round:
            words = [*command(f"{slug}-{number}"), *filled.topics]
            return measured_child(slug, words[1:], self.folder, program=words[:1])

        try:
            command("")
        except PeerUnavailableError as error:
            return Contestant(name, note, run, skipped=str(error))
        return Contestant(name, note, run, most=most, foreign=True)

    def in_python(self, peer: str, filled: Filled, *words: str) -> Callable[[str], Sequence[str]]:
        """The command of a peer with an environment of its own; ``words`` stand before the topics."""
        return lambda group: [
            str(python_of(peer)),
            *module(f"peers.{peer}_count"),
            *(self.servers, group, str(filled.events), str(filled.records), *words),
        ]

    def in_java(self, filled: Filled, *, changelog: bool) -> Callable[[str], Sequence[str]]:
        """The command of Kafka Streams."""
        return lambda group: [
            *java_of_streams(self.folder / "classes"),
            *(self.servers, group, str(filled.records), str(changelog).lower()),
        ]

    def ours(self, name: str, filled: Filled) -> Callable[[str], Sequence[str]]:
        """The command of a module that needs nothing else than we do."""
        return lambda group: [
            *OURS,
            *module(name),
            *(self.servers, group, str(filled.events), str(filled.records)),
        ]


def contestants(arena: Arena) -> list[Contestant]:
    """All peers, the fastest first."""
    whole, part = arena.whole, arena.part
    return [
        arena.peer(DRAIN, "the limit: records fetched, nothing done", whole, arena.ours("drain", whole)),
        arena.peer(
            STREAMS, f"{_COUNT}, in memory, nothing durable", whole, arena.in_java(whole, changelog=False)
        ),
        arena.peer(
            STREAMS_LOGGED,
            f"{_COUNT}, in memory and a changelog",
            whole,
            arena.in_java(whole, changelog=True),
        ),
        arena.peer(
            PATHWAY,
            f"{_COUNT}, its tumbling window, nothing durable",
            whole,
            arena.in_python("pathway", whole, "window"),
        ),
        arena.peer(
            PATHWAY_GROUPED,
            "a count per account, kind and time divided by 10 s: no window that ever ends; nothing durable",
            whole,
            arena.in_python("pathway", whole, "group"),
        ),
        arena.peer(QUIX, f"{_COUNT}, RocksDB, no changelog", part, arena.in_python("quix", part)),
        arena.peer(BYTEWAX, f"{_COUNT}, nothing durable", part, arena.in_python("bytewax", part)),
        arena.peer(
            FAUST,
            f"{_COUNT}, in a dictionary, nothing durable",
            part,
            arena.ours("plain_faust", part),
            most=3,
        ),
    ]
