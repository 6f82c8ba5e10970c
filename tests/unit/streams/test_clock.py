"""Time that never runs backwards, and what is done when the machine's clock does."""

import asyncio
import logging

import pytest
from tests.engines import NOW_MS, event
from tests.stores import Played, heartbeat

from resonanz_streams.clock import SteadyClock
from resonanz_streams.clock_check import ClockCheck
from resonanz_streams.errors import RetryError

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


class Hands:
    """A machine's two clocks, set by hand."""

    def __init__(self) -> None:
        self.wall, self.elapsed = NOW_MS, 5_000
        self.clock = SteadyClock(lambda: self.wall, lambda: self.elapsed)

    def move(self, by_ms: int) -> None:
        """Let time pass, for both."""
        self.wall += by_ms
        self.elapsed += by_ms


def test_it_is_the_wall_clock_as_long_as_that_goes_forward() -> None:
    hands = Hands()
    hands.move(1_000)
    assert hands.clock() == NOW_MS + 1_000
    hands.wall += DAY
    assert (hands.clock(), hands.clock.ahead_ms) == (NOW_MS + DAY + 1_000, 0)


def test_set_back_it_goes_on_by_what_elapses_until_the_wall_clock_has_caught_up() -> None:
    """
    ::

        wall    10:00  09:00 … 09:20    10:30
        steady  10:00  10:00 … 10:20    10:30
    """
    hands = Hands()
    hands.clock()
    hands.wall -= HOUR
    assert (hands.clock(), hands.clock.ahead_ms) == (NOW_MS, HOUR)
    hands.move(20 * MINUTE)
    assert (hands.clock(), hands.clock.ahead_ms) == (NOW_MS + 20 * MINUTE, HOUR)
    hands.elapsed += 10 * MINUTE
    hands.wall = NOW_MS + 30 * MINUTE
    assert (hands.clock(), hands.clock.ahead_ms) == (NOW_MS + 30 * MINUTE, 0)


def played_at(hands: Hands) -> Played:
    played = Played("file:a", partitions=1)
    played.pipeline._clock = hands.clock
    asyncio.run(played.own(0))
    return played


def test_where_events_are_ahead_of_the_clock_that_is_wrong_and_time_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hands = Hands()
    played = played_at(hands)
    asyncio.run(played.read(event(at_ms=NOW_MS)))
    check = ClockCheck(hands.clock, played.pipeline)
    hands.wall -= HOUR
    with caplog.at_level(logging.WARNING):
        check.look()
        check.look()
    assert hands.clock() == NOW_MS
    (said,) = caplog.messages
    assert said == (
        "this machine's clock is 3600 s behind the events; time goes on by what has elapsed; "
        "set the clock right"
    )


def test_where_no_event_speaks_for_it_the_time_that_was_ahead_is_given_up() -> None:
    hands = Hands()
    hands.wall += DAY
    hands.clock()
    played = played_at(hands)
    asyncio.run(played.read(event(at_ms=NOW_MS)))
    played.pipeline.observe(heartbeat(at_ms=NOW_MS + DAY, complete_through_ms=NOW_MS + DAY))
    hands.wall -= DAY
    with pytest.raises(RetryError) as caught:
        ClockCheck(hands.clock, played.pipeline).look()
    assert str(caught.value) == "this machine's clock was set back by 86400 s"
    assert (hands.clock(), hands.clock.ahead_ms) == (NOW_MS, 0)
    (status,) = played.pipeline.heard.statuses.values()
    assert (status.at_ms, status.complete_through_ms) == (NOW_MS, NOW_MS + 10 * MINUTE)


@pytest.mark.parametrize("by_ms", [1, 1_000, 10 * MINUTE])
def test_small_steps_back_are_nobody_s_business(by_ms: int) -> None:
    hands = Hands()
    hands.clock()
    hands.wall -= by_ms
    ClockCheck(hands.clock, played_at(hands).pipeline).look()
    assert hands.clock() == NOW_MS
