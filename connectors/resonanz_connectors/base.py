"""The base of every source: publish, make durable, only then remember; say how it is going.

To write a connector, implement :meth:`Connector.stream`. This one is complete::

    class Guestbook(Connector):
        '''A guest book: a file that gets a line "epoch-ms name" with every visitor.'''

        async def stream(self) -> AsyncIterator[Batch]:
            (account,) = self.accounts
            while True:
                now_ms, begin = self.context.clock(), int(self.cursor or 0)
                try:
                    lines = (self.context.folder / "guests.txt").read_bytes().splitlines()
                except OSError as error:
                    raise SourceError(f"guests.txt cannot be read: {error.strerror}") from None
                events, letters = [], []
                for number, line in enumerate(lines[begin:], begin):
                    try:
                        at_ms, name = line.decode().split()
                        who = self.person(account, name)
                        events.append(Event(
                            id=str(number), source="guestbook", kind="comment", account=account,
                            actor=who.actor, own=who.own, at_ms=int(at_ms), seen_ms=now_ms,
                        ))
                    except ValueError as error:
                        letters.append(DeadLetter(line, "wrong_type", str(error), "guests.txt", 0, number))
                yield Batch(events, dead_letters=letters, cursor=str(len(lines)), complete_through_ms=now_ms)
                await self.context.sleep(1, self.context.stop)

* Yield a :class:`Batch` whenever the source has come further, empty ones too: that is how a silent source
  says that it lives. All of a batch is durable before its ``cursor`` is kept; after a kill ``self.cursor``
  is where to go on. So everything is published at least once, and readers count it once: give a thing the
  same ``id`` and ``at_ms`` whenever it is read.
* Raise :class:`SourceError` if the source fails: the base waits, ever longer, and starts ``stream`` anew.
  What will never come is a :meth:`Connector.gap`; if the source cannot be asked for the past, set
  ``resumes = False``, and each interruption is one.
* People enter an event through :meth:`Connector.person` only: no record names them.
* Take time and randomness from ``self.context``, options from a subclass of :class:`Options`, and run
  blocking calls with ``self.context.offload``.
* Name the class in an entry point of group ``resonanz.connectors``; its first line of text is what
  ``resonanz connectors`` shows. Then let it pass the suite in :mod:`resonanz_connectors.testing`.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from resonanz_connectors.batch import Batch, DeadLetter, SourceError
from resonanz_connectors.context import Context
from resonanz_connectors.life import Life
from resonanz_connectors.progress import Progress, State
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.registry import Account

__all__ = ["Batch", "Connector", "Context", "DeadLetter", "Options", "Person", "SourceError"]


class Options(BaseModel):
    """What may stand under ``connectors.<name>``; a connector adds its fields in a subclass."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Person(NamedTuple):
    """An actor as events carry it: the pseudonym, and whether it is one of the client's own people."""

    actor: str
    own: bool


class Connector(ABC):
    """One source. A subclass sets ``options_type`` and implements :meth:`stream`.

    ``resumes`` False: the source cannot be asked for the past, so every interruption is a gap.
    ``quiet_limit_ms``: without any batch for so long the connector calls itself degraded.
    Inside ``stream``, ``cursor`` is where to go on: the last one whose records are durable.
    ``succeeded``: when it ends, another goes on there at once, so its last heartbeat says how it was.
    """

    options_type: ClassVar[type[Options]] = Options
    resumes: ClassVar[bool] = True
    quiet_limit_ms: ClassVar[int] = 60_000

    options: Options
    cursor: str | None = None
    succeeded: bool = False
    rate_remaining: int | None = None
    credential_expires_ms: int | None = None

    def __init__(self, context: Context) -> None:
        self.context = context
        self.name = context.name
        self.options = validated(self.options_type, context.name, context.options)
        self.accounts: Mapping[str, Account] = {account.id: account for account in context.accounts}
        now_ms = context.clock()
        partitions = context.registry.partitions
        self.progress = {name: Progress(name, now_ms, partitions) for name in self.accounts}

    @abstractmethod
    def stream(self) -> AsyncIterator[Batch]:
        """Follow the source from ``self.cursor`` on (``async def`` with ``yield``).

        It ends by itself only if the source has an end (a file). Started again after a SourceError.

        Raises:
            SourceError: to be called again after a pause.
            StopError: going on makes no sense until a person has done something.
        """

    # -- what stream() may call ----------------------------------------------------------------------

    def person(self, account: str, actor: str) -> Person:
        """The pseudonym of ``actor`` towards the account's client; the only way into an event."""
        client = self.accounts[account].client
        pseudonym = self.context.registry.pseudonym(client, actor)
        return Person(pseudonym, pseudonym in self.context.registry.clients[client].own_actors)

    def gap(self, from_ms: int, to_ms: int, accounts: Iterable[str] | None = None) -> None:
        """Record that nothing of [from_ms, to_ms) will come; kept in the heartbeat for 29 days."""
        for progress in self._of(accounts):
            progress.gap(from_ms, to_ms)

    def mark(self, state: State, accounts: Iterable[str], *, reason: str | None = None) -> None:
        """The state of single accounts (their token expired); ``ok`` takes it back."""
        for progress in self._of(accounts):
            progress.state = state
            if reason:
                progress.error(reason)

    def count_error(self, reason: str, accounts: Iterable[str] | None = None) -> None:
        """Count an error in the heartbeat without stopping."""
        for progress in self._of(accounts):
            progress.error(reason)

    def watch_from(self, at_ms: int, accounts: Iterable[str] | None = None) -> None:
        """The source begins at ``at_ms``, before or after now; for accounts never watched before."""
        for progress in self._of(accounts):
            progress.watch_from(at_ms)

    def complete_through(self, account: str) -> int:
        """Up to where everything of ``account`` has been published."""
        return self.progress[account].complete_through_ms

    def _of(self, accounts: Iterable[str] | None) -> Iterable[Progress]:
        return self.progress.values() if accounts is None else [self.progress[name] for name in accounts]

    async def run(self) -> None:
        """Until the source ends or ``context.stop`` is set.

        Raises:
            StopError: from ``stream``, or the stored cursors cannot be read.
        """
        await Life(self).run()


def validated(model: type[Options], name: str, options: Mapping[str, Any]) -> Options:
    """The options of connector ``name``.

    Raises:
        ConfigurationError: one sentence for each mistake in them.
    """
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        sentences = []
        for problem in error.errors(include_url=False, include_input=False, include_context=False):
            place = ".".join(str(part) for part in ("connectors", name, *problem["loc"]))
            message = problem["msg"].removeprefix("Value error, ")
            if problem["type"] == "extra_forbidden":
                message = f"is not an option; write one of {', '.join(sorted(model.model_fields)) or 'none'}"
            sentences.append(f"{place}: {message[:1].lower()}{message[1:]}")
        raise ConfigurationError("\n".join(sentences)) from None
