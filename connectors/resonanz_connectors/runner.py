"""Run connectors by name: find them, give them what they need, stop them cleanly."""

import asyncio
import contextlib
import difflib
import logging
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from resonanz_connectors.base import Connector, validated
from resonanz_connectors.context import Context, sleep_unless
from resonanz_connectors.cursors import TopicCursors
from resonanz_connectors.fleet import Fleet, Plan, plan_of
from resonanz_connectors.publisher import open_publisher
from resonanz_streams.clock import Clock, wall_ms
from resonanz_streams.errors import ConfigurationError, RetryError, StopError
from resonanz_streams.registry import Account, Registry
from resonanz_streams.reload import Reloader
from resonanz_streams.settings import Settings
from resonanz_streams.topics import PUBLISHED, TOPICS
from resonanz_streams.transports.brokers import open_admin, open_tail
from resonanz_streams.transports.ports import Publisher

log = logging.getLogger(__name__)

GROUP: Final = "resonanz.connectors"
_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Listed:
    """A connector that is installed: its name and what it says of itself in one line."""

    name: str
    summary: str


def list_connectors() -> list[Listed]:
    """Every connector installed here, in order of name; one that cannot be imported says why."""
    listed = []
    for point in sorted(entry_points(group=GROUP)):
        try:
            text = (point.load().__doc__ or "").strip()
        except ImportError as error:
            text = f"cannot be loaded: {error}"
        listed.append(Listed(point.name, text.partition("\n")[0]))
    return listed


def connector_class(name: str) -> type[Connector]:
    """The class that an entry point of group ``resonanz.connectors`` gives this name.

    Raises:
        ConfigurationError: there is none, or it cannot be loaded.
    """
    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigurationError(
            f"connector {name!r} is not installed; {hint}installed are {', '.join(sorted(known)) or 'none'}"
        )
    try:
        found = known[name].load()
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"connector {name!r} cannot be loaded ({error}); install what it needs"
        ) from None
    if not (isinstance(found, type) and issubclass(found, Connector)):
        raise ConfigurationError(
            f"connector {name!r} is no connector: its entry point must name a subclass of Connector"
        )
    return found


def make_connector(
    name: str,
    settings: Settings,
    registry: Registry,
    *,
    publisher: Publisher,
    stop: asyncio.Event,
    clock: Clock = wall_ms,
) -> Connector:
    """A connector as the settings want it.

    Raises:
        ConfigurationError: it is unknown, has no accounts, or its options are wrong.
    """
    kind, accounts = _kind_and_accounts(name, registry)
    cursors = TopicCursors(
        publisher, lambda topics: open_tail(settings.broker, topics, prefix=settings.topic_prefix)
    )
    return kind(
        Context(
            name=name,
            accounts=accounts,
            registry=registry,
            publisher=publisher,
            cursors=cursors,
            options=settings.connectors.get(name, {}),
            folder=settings.path.resolve().parent if settings.path else Path(),
            clock=clock,
            stop=stop,
        )
    )


def _kind_and_accounts(name: str, registry: Registry) -> tuple[type[Connector], tuple[Account, ...]]:
    kind = connector_class(name)
    accounts = tuple(account for account in registry.accounts.values() if account.connector == name)
    if not accounts:
        raise ConfigurationError(
            f"connector {name!r} has no accounts; write connector: {name} at an account under clients"
        )
    return kind, accounts


def needed_connectors(settings: Settings, registry: Registry) -> list[str]:
    """The connectors that have accounts and can run as they are configured.

    One that needs options and has none is left out: its accounts get their events by other ways, such as
    files that are replayed. So is one that is not installed.
    """
    installed = entry_points(group=GROUP).names
    needed = []
    for name in dict.fromkeys(account.connector for account in registry.accounts.values()):
        if name not in installed:
            log.warning("connector %r is not installed: its accounts only get what others publish", name)
        elif name in settings.connectors or not _needs_options(connector_class(name)):
            needed.append(name)
    return needed


def _needs_options(kind: type[Connector]) -> bool:
    return any(field.is_required() for field in kind.options_type.model_fields.values())


def plans(settings: Settings, registry: Registry) -> Mapping[str, Plan]:
    """What each of :func:`needed_connectors` is made from."""
    return {name: plan_of(name, settings, registry) for name in needed_connectors(settings, registry)}


def check_connectors(settings: Settings, registry: Registry) -> list[str]:
    """The connectors that would run, each with its options validated.

    Raises:
        ConfigurationError: one sentence for each mistake.
    """
    problems = []
    needed = needed_connectors(settings, registry)
    for name in dict.fromkeys((*needed, *settings.connectors)):
        try:
            validated(connector_class(name).options_type, name, settings.connectors.get(name, {}))
        except ConfigurationError as error:
            problems.append(str(error))
        else:
            if name not in needed:
                problems.append(f"connectors.{name}: has no accounts; write connector: {name} at an account")
    if problems:
        raise ConfigurationError("\n".join(problems))
    return needed


async def run_connectors(
    settings: Settings,
    registry: Registry,
    names: Sequence[str],
    *,
    stop: asyncio.Event | None = None,
    reloader: Reloader | None = None,
) -> None:
    """Run these connectors (:func:`needed_connectors`, if ``names`` is empty) until each has ended.

    SIGTERM and SIGINT end them cleanly; who gives ``stop`` sees to signals alone. When one fails for
    good, the others are stopped. A broker that is away is waited for. ``reloader``: sees to it that changes
    of the configuration take effect.

    Raises:
        ConfigurationError: a name, its accounts or its options are wrong, or there is none to run.
        StopError: a connector cannot go on, or a topic is set up wrongly.
    """
    wanted = list(dict.fromkeys(names or needed_connectors(settings, registry)))
    if not wanted:
        raise ConfigurationError(
            "no account names a connector that could run: write connector: NAME at an account,"
            " or publish files with: resonanz replay"
        )
    for name in wanted:
        # Mistakes first: a broker that is away must not hide them.
        kind, _ = _kind_and_accounts(name, registry)
        validated(kind.options_type, name, settings.connectors.get(name, {}))
    stopping = stop or asyncio.Event()
    with contextlib.ExitStack() as closing:
        if stop is None:
            closing.enter_context(_stopped_by_signals(stopping.set))
        if await _topics_are_ready(settings, stopping):
            fleet = Fleet(_made, lambda: open_publisher(settings.broker, prefix=settings.topic_prefix))
            try:
                await fleet.change(wanted, settings, registry)
                await _run_all(fleet, names, stopping, reloader)
            finally:
                await fleet.close()


async def _run_all(
    fleet: Fleet, names: Sequence[str], stopping: asyncio.Event, reloader: Reloader | None
) -> None:
    async def take(settings: Settings, registry: Registry) -> None:
        known = {account.connector for account in registry.accounts.values()}
        chosen = [name for name in names if name in known] if names else needed_connectors(settings, registry)
        await fleet.change(chosen, settings, registry)

    async def until_stopping() -> None:
        await stopping.wait()
        fleet.stop()

    beside = [asyncio.create_task(until_stopping())]
    if reloader is not None:
        beside.append(asyncio.create_task(reloader.run(take)))
    try:
        await fleet.run()
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


def _made(
    name: str, settings: Settings, registry: Registry, publisher: Publisher, stop: asyncio.Event
) -> Connector:
    return make_connector(name, settings, registry, publisher=publisher, stop=stop)


async def _topics_are_ready(settings: Settings, stopping: asyncio.Event) -> bool:
    """Wait for the broker, and make what topics it lacks; False if asked to stop before that."""
    pause = _FIRST_PAUSE_SECONDS
    while not stopping.is_set():
        try:
            await asyncio.to_thread(_ensure_topics, settings)
        except RetryError as error:
            log.warning("%s; trying again in %.0f s", error, pause)
            await sleep_unless(pause, stopping)
            pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)
        else:
            return True
    return False


def _ensure_topics(settings: Settings) -> None:
    with contextlib.closing(open_admin(settings.broker, prefix=settings.topic_prefix)) as admin:
        # On a locked-down cluster a connector does not even see the others.
        if problems := admin.ensure([TOPICS[name] for name in PUBLISHED], settings.partitions):
            raise StopError("\n".join(problems))


@contextlib.contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Only where the loop may: in the main thread; elsewhere the caller's ``stop`` event remains."""
    loop = asyncio.get_running_loop()
    held: list[signal.Signals] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, stop)
            held.append(number)
    try:
        yield
    finally:
        for number in held:
            loop.remove_signal_handler(number)
