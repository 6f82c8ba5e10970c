"""Several waits at the same time, but not all."""

import asyncio

import pytest

from resonanz_streams.errors import RetryError
from resonanz_streams.few_at_once import few_at_once


def test_no_more_than_so_many_run_and_every_item_has_its_turn() -> None:
    running, most, done = 0, 0, []

    async def work(item: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running -= 1
        done.append(item)

    asyncio.run(few_at_once(work, range(7), 3))
    assert most == 3
    assert sorted(done) == [0, 1, 2, 3, 4, 5, 6]


def test_the_first_failure_ends_the_others_and_is_raised_as_it_is() -> None:
    ended = []

    async def work(item: str) -> None:
        if item == "away":
            raise RetryError("the broker is away")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(item)

    with pytest.raises(RetryError, match="the broker is away"):
        asyncio.run(few_at_once(work, ["waits", "away"], 2))
    assert ended == ["waits"]
