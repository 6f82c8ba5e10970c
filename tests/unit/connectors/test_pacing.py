"""A replay goes N times as fast as it went, whatever the clock does."""

import asyncio
from collections.abc import Sequence

import pytest

from resonanz_connectors.pacing import Pace, Speed


class Watch:
    """A clock that its own sleep moves, and that the test may set."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self.slept: list[float] = []

    def __call__(self) -> int:
        return self.now_ms

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_ms += round(seconds * 1000)


async def play(pace: Pace, times: Sequence[int]) -> None:
    for at_ms in times:
        await pace.wait(at_ms)


@pytest.mark.parametrize(
    ("speed", "slept"),
    [(1.0, [2.0, 3.0]), (10.0, [0.2, 0.3]), (0.5, [4.0, 6.0]), ("max", [])],
)
def test_the_pace(speed: Speed, slept: list[float]) -> None:
    watch = Watch()
    asyncio.run(play(Pace(speed, watch, watch.sleep), [5_000, 5_000, 7_000, 10_000]))
    assert watch.slept == slept


def test_what_takes_long_is_made_up_for() -> None:
    watch = Watch()
    pace = Pace(1.0, watch, watch.sleep)

    async def slowly() -> None:
        await pace.wait(0)
        watch.now_ms += 2_500
        await pace.wait(1_000)
        await pace.wait(3_000)

    asyncio.run(slowly())
    assert watch.slept == [0.5]


def test_a_clock_set_back_holds_nothing_up() -> None:
    watch = Watch()
    pace = Pace(1.0, watch, watch.sleep)

    async def set_back() -> None:
        await pace.wait(0)
        watch.now_ms -= 3_600_000
        await pace.wait(1_000)

    asyncio.run(set_back())
    assert watch.slept == [1.0]


def test_a_chunk_holds_a_tenth_of_a_second() -> None:
    watch = Watch()
    assert Pace(50.0, watch, watch.sleep).slice_ms == 5_000
    assert Pace(0.001, watch, watch.sleep).slice_ms == 1
    assert Pace("max", watch, watch.sleep).slice_ms is None
