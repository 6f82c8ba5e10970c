"""Where the stream stands: what is asked for next, what cannot be true, what is leapt over."""

import pytest

from resonanz_connectors.bluesky_place import Place
from resonanz_streams.errors import StopError
from resonanz_streams.events import AHEAD_MS, EARLIEST_MS

NOW_MS = 1_783_175_888_085
NOW_US = NOW_MS * 1000


def standing_at(*times_us: int) -> Place:
    place = Place()
    for time_us in times_us:
        assert place.see(time_us, NOW_MS)
    return place


def test_it_asks_for_a_few_seconds_before_the_newest() -> None:
    assert Place().ask_from_us() is None
    place = standing_at(NOW_US, NOW_US - 1_000_000)
    assert place.cursor == str(NOW_US)
    assert place.ask_from_us() == NOW_US - 5_000_000
    assert place.complete_through_ms == NOW_MS - 2_000


@pytest.mark.parametrize(
    ("time_us", "possible"),
    [
        (NOW_US + AHEAD_MS * 1000, True),
        (NOW_US + AHEAD_MS * 1000 + 1000, False),
        (EARLIEST_MS * 1000, True),
        (EARLIEST_MS * 1000 - 1, False),
        (10**19, False),
    ],
)
def test_times_that_cannot_be_true_move_nothing(time_us: int, possible: bool) -> None:
    place = Place()
    assert place.see(time_us, NOW_MS) is possible
    assert place.newest_us == (time_us if possible else None)


def test_a_connection_that_begins_later_than_what_was_seen_is_clamped() -> None:
    place = Place()
    place.restart(str(NOW_US))
    assert place.see(NOW_US + 1, NOW_MS)
    assert place.clamped
    place.restart(str(NOW_US))
    assert place.see(NOW_US, NOW_MS)
    assert place.see(NOW_US + 1, NOW_MS)
    assert not place.clamped
    assert not standing_at(NOW_US).clamped, "nothing was asked for"


def test_what_comes_again_and_cannot_be_taken_is_leapt_over_ever_farther() -> None:
    place = standing_at(NOW_US)
    asked = []
    for _ in range(5):
        place.blocked()
        place.restart(place.cursor)
        asked.append((place.ask_from_us() or 0) - NOW_US)
    assert asked == [-5_000_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000]
    assert place.see(NOW_US + 9_000_000, NOW_MS)
    assert place.clamped
    place.restart(place.cursor)
    assert place.ask_from_us() == NOW_US + 4_000_000


def test_a_cursor_of_another_is_refused() -> None:
    with pytest.raises(StopError, match="the stored cursor '7:9' is none of Bluesky's"):
        Place().restart("7:9")
