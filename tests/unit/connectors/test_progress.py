"""Gaps and marks of one account."""

from resonanz_connectors.progress import MAX_REASONS, Progress, united
from resonanz_streams.events import Status

DAY_MS = 86_400_000
NOW_MS = 1_700_000_000_000


def status_of(progress: Progress) -> Status:
    return progress.status("recorded", NOW_MS, state="ok", cursor=None)


def watched_since(days: int) -> Progress:
    progress = Progress("forum:bakery", NOW_MS, 4)
    progress.watch_from(NOW_MS - days * DAY_MS)
    return progress


def test_gaps_that_touch_are_one() -> None:
    """
    ::

        1 ████ 5
             5 ███ 8
                      10 ██ 12
    """
    assert united([(10, 12), (1, 5), (5, 8)]) == [(1, 8), (10, 12)]


def test_of_too_many_gaps_the_nearest_become_one() -> None:
    assert united([(0, 1), (10, 11), (13, 14), (30, 31)], limit=3) == [(0, 1), (10, 14), (30, 31)]


def test_a_gap_begins_no_earlier_than_the_watch() -> None:
    progress = watched_since(1)
    progress.gap(NOW_MS - 3 * DAY_MS, NOW_MS - DAY_MS + 5)
    progress.gap(NOW_MS - 9 * DAY_MS, NOW_MS - 8 * DAY_MS)
    assert status_of(progress).gaps == [(NOW_MS - DAY_MS, NOW_MS - DAY_MS + 5)]


def test_a_gap_is_forgotten_when_no_window_spans_it() -> None:
    progress = watched_since(40)
    progress.gap(NOW_MS - 31 * DAY_MS, NOW_MS - 30 * DAY_MS)
    progress.gap(NOW_MS - 29 * DAY_MS - 5, NOW_MS - 28 * DAY_MS)
    assert status_of(progress).gaps == [(NOW_MS - 29 * DAY_MS - 5, NOW_MS - 28 * DAY_MS)]


def test_complete_through_never_moves_back() -> None:
    progress = watched_since(1)
    progress.complete(NOW_MS - 5)
    progress.complete(NOW_MS - 50)
    progress.watch_from(NOW_MS - 2 * DAY_MS)
    assert progress.complete_through_ms == NOW_MS - 5
    assert progress.since_ms == NOW_MS - DAY_MS


def test_reasons_are_bounded() -> None:
    progress = watched_since(1)
    for number in range(MAX_REASONS + 7):
        progress.error(f"reason_{number}")
    assert len(progress.errors) == MAX_REASONS + 1
    assert progress.errors["other"] == 7


def test_the_worse_of_the_accounts_and_the_connectors_state_counts() -> None:
    progress = watched_since(1)
    progress.state = "degraded"
    assert progress.status("recorded", NOW_MS, state="ok", cursor=None).state == "degraded"
    assert progress.status("recorded", NOW_MS, state="down", cursor=None).state == "down"


def test_it_is_restored_from_its_heartbeat() -> None:
    progress = watched_since(3)
    progress.gap(NOW_MS - DAY_MS, NOW_MS - 5)
    progress.complete(NOW_MS)
    progress.event(NOW_MS - 70)
    progress.written({("likes", progress._partition): 9, ("likes", progress._partition + 1): 4})
    again = Progress("forum:bakery", NOW_MS + 99, 4)
    again.restore(status_of(progress))
    assert status_of(again) == status_of(progress)
    assert status_of(again).published == {f"likes/{progress._partition}": 9}
