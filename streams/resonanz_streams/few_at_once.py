"""Several waits at the same time, but not all."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def few_at_once(work: Callable[[T], Awaitable[None]], items: Iterable[T], most: int) -> None:
    """``work`` on every item, on at most ``most`` of them at a time. The first failure ends the others and is
    raised as it is."""
    turns = asyncio.Semaphore(most)

    async def one(item: T) -> None:
        async with turns:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for item in items:
                group.create_task(one(item))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
