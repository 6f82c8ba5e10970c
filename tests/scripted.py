"""A connector whose source is a list, with dials: what the base does shows without any platform."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from resonanz_connectors.base import Batch, Connector, DeadLetter, Options, SourceError
from resonanz_connectors.stage import Playback
from resonanz_streams.events import Event

START_MS = 1_700_000_000_000
ACCOUNT = "forum:bakery"
CLIENTS: Mapping[str, Any] = {
    "bakery": {
        "name": "Bakery",
        "potential": 1200,
        "own_actors": ["winter"],
        "accounts": [{"id": ACCOUNT, "connector": "recorded"}],
    }
}


@dataclass
class Script:
    """What the source says: (seconds after the start, actor), or bytes that nobody understands."""

    lines: Sequence[tuple[float, str | bytes]] = ()
    broken: bool = False
    retry_after_seconds: float | None = None
    opened_ms: list[int] = field(default_factory=list)


class ScriptedOptions(Options):
    """None but a number that must be positive."""

    every_seconds: float = 1.0


class Scripted(Connector):
    """Reads a list."""

    options_type = ScriptedOptions
    options: ScriptedOptions
    script: Script

    async def stream(self) -> AsyncIterator[Batch]:
        now = self.context.clock
        place = int(self.cursor or 0) if self.resumes else self._first_after(now())
        self.script.opened_ms.append(now())
        while True:
            if self.script.broken:
                raise SourceError(
                    "the list is gone", reason="gone", retry_after_seconds=self.script.retry_after_seconds
                )
            due = place
            while due < len(self.script.lines) and START_MS + self.script.lines[due][0] * 1000 <= now():
                due += 1
            yield self._batch(place, due, now())
            place = due
            await self.context.sleep(self.options.every_seconds, self.context.stop)

    def _first_after(self, at_ms: int) -> int:
        return sum(1 for second, _ in self.script.lines if START_MS + second * 1000 <= at_ms)

    def _batch(self, first: int, end: int, now_ms: int) -> Batch:
        events, letters = [], []
        for number, (second, actor) in enumerate(self.script.lines[first:end], first):
            if isinstance(actor, bytes):
                letters.append(DeadLetter(actor, "not_json", "it is no JSON", "list", offset=number))
                continue
            person = self.person(ACCOUNT, actor)
            events.append(
                Event(
                    id=f"e{number}",
                    source="recorded",
                    kind="comment",
                    account=ACCOUNT,
                    actor=person.actor,
                    own=person.own,
                    at_ms=START_MS + round(second * 1000),
                    seen_ms=now_ms,
                )
            )
        return Batch(events=events, dead_letters=letters, cursor=str(end), complete_through_ms=now_ms)


class Live(Scripted):
    """The same, but it cannot be asked for the past."""

    resumes = False


class ScriptedPlayback(Playback):
    """Twenty comments and a line of rubbish in a minute."""

    clients = CLIENTS
    handles = ("anna", "winter", "customer")
    malformed = b"\xff{nonsense"
    breaks = True
    start_ms = START_MS

    def __init__(self, kind: type[Scripted] = Scripted, script: Script | None = None) -> None:
        actors: list[str | bytes] = [*(f"customer-{n}" for n in range(18)), "anna", "winter", self.malformed]
        self.script = script or Script([(2.5 * n + 0.1, actor) for n, actor in enumerate(actors)])

        class Bound(kind):  # type: ignore[misc, valid-type]  # a class per test, so that scripts never mix
            script = self.script

        self.connector = Bound

    def break_source(self) -> None:
        self.script.broken = True

    def mend_source(self) -> None:
        self.script.broken = False


def actors(lines: Sequence[tuple[str, bytes | None, bytes]]) -> list[str]:
    """The actors in published lines."""
    return [json.loads(line)["actor"] for _, _, line in lines]
