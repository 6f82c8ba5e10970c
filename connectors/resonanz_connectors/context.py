"""What a connector is given from outside: accounts, ways out, time. Nothing else is reached for."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Protocol, TypeVar

from resonanz_connectors.cursors import CursorStore
from resonanz_streams.clock import Clock, wall_ms
from resonanz_streams.registry import Account, Registry
from resonanz_streams.transports.ports import Publisher

Result = TypeVar("Result")
Sleep = Callable[[float, asyncio.Event], Awaitable[None]]
"""Waits that many seconds, or until the event is set."""


class Offload(Protocol):
    """Runs a blocking call without holding the event loop."""

    def __call__(self, call: Callable[..., Result], /, *args: Any) -> Awaitable[Result]:
        """Await the call's result."""


async def sleep_unless(seconds: float, stop: asyncio.Event) -> None:
    """Sleep in real time, and no longer than until ``stop``."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """``name`` is the connector's name in the configuration, ``accounts`` those that name it.

    ``folder`` is where relative paths in ``options`` begin. ``stop`` asks for a clean end.
    """

    name: str
    accounts: tuple[Account, ...]
    registry: Registry
    publisher: Publisher
    cursors: CursorStore
    # Secrets stand in options: they must not show in a message that holds a context.
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    folder: Path = Path()
    clock: Clock = wall_ms
    sleep: Sleep = sleep_unless
    offload: Offload = asyncio.to_thread
    random: Random = field(default_factory=Random)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
