"""The connectors of one process: each runs by itself, and ends and begins by itself when accounts change."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resonanz_connectors.base import Connector
from resonanz_streams.errors import RetryError
from resonanz_streams.registry import Account, Registry
from resonanz_streams.settings import Settings
from resonanz_streams.transports.ports import Publisher

log = logging.getLogger(__name__)

Make = Callable[[str, Settings, Registry, Publisher, asyncio.Event], Connector]
"""A connector by its name, not running.

Raises:
    ConfigurationError: its accounts or options are wrong.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a connector is made from: if that is the same, it need not be made anew. ``clients``: what decides
    about events; the rest only concerns figures."""

    accounts: Sequence[Account]
    clients: Sequence[tuple[str, str, frozenset[str], frozenset[str], frozenset[str]]]
    options: Mapping[str, Any]


def plan_of(name: str, settings: Settings, registry: Registry) -> Plan:
    """What connector ``name`` is made from."""
    accounts = tuple(account for account in registry.accounts.values() if account.connector == name)
    clients = [registry.clients[one] for one in dict.fromkeys(account.client for account in accounts)]
    return Plan(
        accounts,
        [
            (one.id, one.timezone, one.own_actors, one.vocabulary.topics, one.vocabulary.venues)
            for one in clients
        ],
        settings.connectors.get(name, {}),
    )


@dataclass(frozen=True, slots=True)
class _Draft:
    plan: Plan
    connector: Connector
    publisher: Publisher
    stop: asyncio.Event


@dataclass(frozen=True, slots=True)
class _Running(_Draft):
    task: asyncio.Task[None]


class Fleet:
    """``open_publisher``: one each, so that a failed flush concerns one connector's records only."""

    def __init__(self, make: Make, open_publisher: Callable[[], Publisher]) -> None:
        self._make = make
        self._open_publisher = open_publisher
        self._running: dict[str, _Running] = {}
        self._changed = asyncio.Event()
        self._changing = self._stopped = False

    async def change(self, names: Sequence[str], settings: Settings, registry: Registry) -> None:
        """Let exactly these run, by this configuration. Who goes on with other accounts goes on at its
        cursor; who need not change is left alone.

        Raises:
            ConfigurationError: accounts or options of one are wrong; then all is as it was.
            RetryError: the broker is away, as above.
        """
        plans = {name: plan_of(name, settings, registry) for name in names}
        drafts: dict[str, _Draft] = {}
        with contextlib.ExitStack() as undo:
            for name, plan in plans.items():
                known = self._running.get(name)
                if known is not None and known.plan == plan:
                    continue
                publisher = known.publisher if known else self._open_publisher()
                if known is None:
                    undo.callback(_close, name, publisher)
                stop = asyncio.Event()
                connector = self._make(name, settings, registry, publisher, stop)
                drafts[name] = _Draft(plan, connector, publisher, stop)
            undo.pop_all()
        self._changing = True
        try:
            await self._replace(plans.keys(), drafts)
        finally:
            self._changing = False
            self._changed.set()

    async def _replace(self, names: Collection[str], drafts: Mapping[str, _Draft]) -> None:
        leaving = [name for name in self._running if name not in names or name in drafts]
        for name in leaving:
            self._running[name].connector.succeeded = name in drafts
            self._running[name].stop.set()
        if leaving:
            await asyncio.wait([self._running[name].task for name in leaving])
        for name in leaving:
            if name not in drafts and not _failed(self._running[name].task):
                _close(name, self._running.pop(name).publisher)
        for name, draft in drafts.items():
            known = self._running.get(name)
            if known is not None and _failed(known.task):
                continue  # which ends all of them
            if self._stopped:
                draft.stop.set()
            task = asyncio.create_task(draft.connector.run())
            self._running[name] = _Running(draft.plan, draft.connector, draft.publisher, draft.stop, task)
        self._changed.set()

    async def run(self) -> None:
        """Until each has ended, or one has failed.

        Raises:
            StopError: why.
        """
        while self._changing or not all(one.task.done() for one in self._running.values()):
            if any(_failed(one.task) for one in self._running.values()):
                break
            self._changed.clear()
            changed = asyncio.create_task(self._changed.wait())
            tasks = [one.task for one in self._running.values() if not one.task.done()]
            await asyncio.wait({changed, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        for one in self._running.values():
            if one.task.done():
                one.task.result()

    def stop(self) -> None:
        """Ask all of them for a clean end."""
        self._stopped = True
        for one in self._running.values():
            one.stop.set()

    async def close(self) -> None:
        """End all of them cleanly."""
        self.stop()
        await asyncio.gather(*(one.task for one in self._running.values()), return_exceptions=True)
        for name, one in self._running.items():
            _close(name, one.publisher)


def _failed(task: "asyncio.Task[None]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


def _close(name: str, publisher: Publisher) -> None:
    try:
        publisher.close()
    except RetryError as error:
        # Its cursor has not moved: nothing is lost.
        log.warning("%s: what was not written is read again later: %s", name, error)
