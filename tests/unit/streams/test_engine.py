"""One partition: what counts, what waits, what is late, and what every event's outcome is."""

from typing import Any

import pytest
from tests.engines import NOW_MS, Driven, event, line, registry_of, run_of

from resonanz_streams.events import Status
from resonanz_streams.topics import DEAD_LETTERS, LATE
from resonanz_streams.transports.ports import Run

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000


def like(at_ms: int = NOW_MS - MINUTE, **changes: Any) -> dict[str, Any]:
    return event(at_ms=at_ms, actor="x", object="o", **changes)


def unlike(at_ms: int, **changes: Any) -> dict[str, Any]:
    return like(at_ms, op="remove", **changes)


def beat(through_ms: int, account: str = "file:a", **changes: Any) -> Status:
    fields: dict[str, Any] = {"connector": "file", "at_ms": NOW_MS, "state": "ok", "since_ms": 0}
    return Status(account=account, complete_through_ms=through_ms, **(fields | changes))


# -- what counts ---------------------------------------------------------------------------------------


def test_likes_comments_and_shares_count_apart() -> None:
    driven = Driven()
    driven.read(event(id="1"), event(id="2"))
    driven.read(event(id="1", kind="comment"), topic="comments")
    driven.read(event(id="1", kind="share", count=5), topic="shares")
    assert driven.counts("5m") == [2, 1, 5, 0]
    assert driven.outcomes() == {"counted": 4}


def test_like_unlike_like_is_one() -> None:
    driven = Driven()
    driven.read(like(NOW_MS - 3 * MINUTE, id="1"), unlike(NOW_MS - 2 * MINUTE, id="1"))
    assert driven.counts("5m") == [0, 0, 0, 1]
    driven.read(like(NOW_MS - MINUTE, id="2"))
    assert driven.counts("5m") == [1, 0, 0, 0]
    assert driven.counts("1m") == [0, 0, 0, 0], "exactly a minute old: outside"
    assert driven.outcomes() == {"counted": 2, "removed": 1}


def test_likes_of_one_actor_on_two_objects_are_two() -> None:
    driven = Driven()
    driven.read(event(actor="x", object="o"), event(actor="x", object="p"), event(actor="y", object="o"))
    assert driven.counts() == [3, 0, 0, 0]


def test_without_actor_or_object_a_like_is_what_its_id_says() -> None:
    driven = Driven()
    driven.read(event(id="1", actor="x"), event(id="2", actor="x"), event(id="2"), event(id="2", object="o"))
    assert driven.counts() == [2, 0, 0, 0]


def test_the_same_id_from_two_sources_is_two_and_in_two_accounts_too() -> None:
    driven = Driven("file:a", "file:b")
    driven.read(event(source="file"), event(source="webhook"), event(account="file:b"))
    assert driven.counts(row=0) == [2, 0, 0, 0]
    assert driven.counts(row=1) == [1, 0, 0, 0]


def test_a_comment_is_counted_by_id_even_with_actor_and_object() -> None:
    driven = Driven()
    one = {"kind": "comment", "actor": "x", "object": "o"}
    driven.read(event(id="1", **one), event(id="2", **one), topic="comments")
    assert driven.counts() == [0, 2, 0, 0]


def test_a_removal_undoes_in_the_window_of_the_addition() -> None:
    """
    ::

        t-2h         t-1h          t
          +           |            −       1 h never had it; 24 h loses it
    """
    driven = Driven()
    driven.read(like(NOW_MS - 2 * HOUR))
    driven.read(unlike(NOW_MS))
    assert driven.counts("1h") == [0, 0, 0, 0]
    assert driven.counts("24h") == [0, 0, 0, 1]


def test_the_client_s_own_people_are_not_audience_but_are_remembered() -> None:
    """So that their removal, or a second copy that forgets to say so, changes nothing."""
    registry = registry_of("file:a", own_actors=["baker"])
    driven = Driven(registry=registry)
    own = registry.pseudonym("fleet", "baker")
    driven.read(event(id="1", own=True), event(id="2", actor=own), event(id="3", actor="x"))
    assert driven.counts() == [1, 0, 0, 0]
    driven.read(event(id="1", own=True, op="remove", at_ms=NOW_MS))
    assert driven.counts() == [1, 0, 0, 0]
    assert driven.outcomes() == {"counted": 3, "removed": 1}


def test_totals_may_fall() -> None:
    driven = Driven()
    driven.read(event(id="1", count=10), event(id="2", count=-25))
    assert driven.counts() == [-15, 0, 0, 0]


def test_sums_of_the_largest_counts_stay_exact() -> None:
    driven = Driven()
    most = 2**31 - 1
    driven.read(*[event(id=str(i), count=most) for i in range(5)])
    driven.flush()
    driven.restart()
    driven.read(event(id="6", count=-most))
    assert driven.counts() == [4 * most, 0, 0, 0]


def test_several_events_in_one_record_are_as_many_records() -> None:
    driven = Driven()
    driven.read(line(event(id="1")) + b"\n" + line(event(id="2")) + b"\n", line(event(id="3")))
    assert driven.counts() == [3, 0, 0, 0]


# -- duplicates, replays -------------------------------------------------------------------------------


def test_duplicates_change_nothing_and_are_counted_as_such() -> None:
    driven = Driven()
    driven.read(event(), event())
    driven.read(event())
    assert driven.counts() == [1, 0, 0, 0]
    assert driven.outcomes() == {"counted": 1, "duplicate": 2}


def test_records_below_the_next_offset_are_part_of_the_state_already() -> None:
    driven = Driven()
    driven.read(event(id="1"), event(id="2"))
    driven.engine.apply(run_of(event(id="1"), event(id="2"), event(id="3"), start=0), NOW_MS)
    assert driven.counts() == [3, 0, 0, 0]
    assert driven.outcomes() == {"counted": 3}, "the first two were not even looked at"
    assert driven.engine.offsets == {"likes": 3}


def test_a_run_of_nothing_moves_the_offset() -> None:
    """Transaction markers and compaction leave holes; so do tombstones."""
    driven = Driven()
    driven.read(b"", b" \n\r\n")
    assert driven.engine.offsets == {"likes": 2}
    assert driven.outcomes() == {}
    flush = driven.flush()
    assert flush is not None
    assert flush.offsets == {"likes": 2}


def test_records_that_retention_took_are_counted_as_lost() -> None:
    driven = Driven()
    driven.read(event(id="1"))
    driven.engine.apply(Run("likes", 0, 1, 10, (), (), lost=9), NOW_MS)
    driven.engine.apply(run_of(event(id="2"), start=10), NOW_MS)
    assert driven.engine.lost == 9
    assert driven.counts() == [2, 0, 0, 0]


def test_of_lost_records_those_counted_before_are_not_lost_and_markers_never_are() -> None:
    driven = Driven()
    driven.read(event(id="1"), event(id="2"), event(id="3"))
    driven.engine.apply(Run("likes", 0, 1, 10, (), (), lost=9), NOW_MS)
    assert driven.engine.lost == 7
    driven.engine.apply(Run("likes", 0, 10, 20, (), ()), NOW_MS)
    assert driven.engine.lost == 7


# -- time ----------------------------------------------------------------------------------------------


def test_what_is_ahead_of_the_clock_waits_for_its_time() -> None:
    driven = Driven()
    driven.read(like(NOW_MS - MINUTE), unlike(NOW_MS + 5 * MINUTE))
    assert driven.counts() == [1, 0, 0, 0]
    assert driven.outcomes() == {"counted": 1}
    driven.advance(NOW_MS + 5 * MINUTE)
    assert driven.counts() == [0, 0, 0, 1]
    assert driven.outcomes() == {"counted": 1, "removed": 1}


def test_what_happened_since_the_last_tick_is_counted_at_once_and_shown_with_the_next() -> None:
    driven = Driven()
    driven.clock_ms = NOW_MS + 900
    driven.read(event(at_ms=NOW_MS + 500))
    assert driven.outcomes() == {"counted": 1}
    assert driven.counts() == [0, 0, 0, 0]
    driven.advance(NOW_MS + 1000)
    assert driven.counts() == [1, 0, 0, 0]


def test_what_no_window_spans_any_more_is_late_and_kept_as_it_came() -> None:
    driven = Driven()
    now_hour = NOW_MS // HOUR * HOUR
    oldest = now_hour - 28 * DAY + 1 if now_hour + HOUR > NOW_MS else 0
    raw = b'{"at_ms": %d , "account":"file:a","id":"1","source":"file","kind":"like","v":1}' % (oldest - 1)
    driven.read(raw, event(id="2", at_ms=oldest))
    driven.flush()
    assert driven.counts() == [1, 0, 0, 0]
    assert driven.outcomes() == {"late": 1, "counted": 1}
    assert driven.records(LATE) == [raw]


def test_beyond_a_shorter_horizon_operations_are_late() -> None:
    """The watermark is the slowest of the three topics."""
    driven = Driven(horizon_ms=DAY)
    driven.read(event(id="1", at_ms=NOW_MS - DAY - MINUTE))
    assert driven.outcomes() == {"counted": 1}, "comments and shares may be far behind"
    driven.engine.observe(beat(NOW_MS))
    driven.read(event(id="2", at_ms=NOW_MS - DAY - 1), event(id="3", at_ms=NOW_MS - DAY))
    assert driven.outcomes() == {"counted": 2, "late": 1}


def test_a_heartbeat_from_the_future_makes_nothing_late() -> None:
    """A connector mistook microseconds for milliseconds: its account must not lose all that follows."""
    driven = Driven()
    driven.engine.observe(beat(NOW_MS * 1000))
    driven.read(event())
    assert driven.counts() == [1, 0, 0, 0]


def test_with_the_event_clock_a_year_in_one_run_is_not_late() -> None:
    """
    ::

                          now (event time)
                            |
          x  x  x  x  x  x  x  x  x  x  x  x  …      one run of shares: t, t+1d, … t+360d
    """
    t = NOW_MS - NOW_MS % HOUR
    driven = Driven(now_ms=None)
    driven.read(event(at_ms=t + 360 * DAY))
    driven.read(event(kind="comment", at_ms=t + 360 * DAY), topic="comments")
    driven.read(*[event(id=str(d), kind="share", at_ms=t + d * DAY) for d in range(361)], topic="shares")
    assert driven.engine.watermark() == t + 360 * DAY
    driven.advance(t + 20 * DAY)
    assert driven.counts("28d") == [0, 0, 21, 0]
    assert driven.counts("7d") == [0, 0, 7, 0]
    driven.advance(t + 360 * DAY)
    assert driven.counts("28d") == [1, 1, 28, 0]
    assert driven.outcomes() == {"counted": 363}


def test_before_the_first_tick_of_the_event_clock_nothing_is_shown() -> None:
    driven = Driven(now_ms=None)
    driven.read(event())
    assert driven.engine.inputs() is None
    assert driven.flush() is not None


# -- watermark and heartbeats --------------------------------------------------------------------------


def test_the_watermark_is_that_of_the_slowest_topic() -> None:
    driven = Driven()
    driven.read(event(at_ms=NOW_MS - 1))
    driven.read(event(kind="comment", at_ms=NOW_MS - 5), topic="comments")
    assert driven.engine.watermark() is None
    driven.read(event(kind="share", at_ms=NOW_MS - 9), topic="shares")
    assert driven.engine.watermark() == NOW_MS - 9


def test_in_silence_the_connectors_move_the_watermark() -> None:
    driven = Driven("file:a", "file:b")
    driven.read(event(at_ms=NOW_MS - 9))
    driven.engine.observe(beat(NOW_MS - 5))
    assert driven.engine.watermark() == NOW_MS - 5
    driven.engine.observe(beat(NOW_MS - 7, "file:b"))
    assert driven.engine.watermark() == NOW_MS - 7, "complete for both up to here"


def test_a_heartbeat_waits_until_the_records_it_speaks_of_are_read() -> None:
    driven = Driven()
    driven.engine.observe(beat(NOW_MS, published={"likes/0": 2, "shares/0": 1}))
    assert driven.engine.watermark() is None
    driven.read(event(id="1"), event(id="2"))
    assert driven.engine.watermark() is None
    driven.read(event(kind="share"), topic="shares")
    assert driven.engine.watermark() == NOW_MS


def test_a_newer_heartbeat_does_not_starve_one_that_is_due() -> None:
    """A busy connector is always a little ahead: the first that waits is taken when its records are in."""
    driven = Driven()
    for number in range(1, 50):
        status = beat(NOW_MS + number, at_ms=NOW_MS + number, published={"likes/0": number})
        driven.engine.observe(status)
    driven.read(event())
    assert driven.engine.watermark() == NOW_MS + 1
    driven.read(*[event(id=str(i)) for i in range(48)])
    assert driven.engine.watermark() == NOW_MS + 49


def test_heartbeats_that_wait_do_not_pile_up() -> None:
    driven = Driven()
    for number in range(1, 1000):
        driven.engine.observe(beat(NOW_MS, at_ms=NOW_MS + number, published={"likes/0": number}))
    assert driven.engine._heartbeats.waiting == 2


def test_heartbeats_for_accounts_and_partitions_of_others_are_not_kept() -> None:
    driven = Driven()
    driven.engine.observe(beat(NOW_MS, "file:elsewhere", published={"likes/0": 5}))
    assert driven.engine.untouched
    driven.engine.observe(beat(NOW_MS, published={"likes/3": 99}))
    assert driven.engine.watermark() == NOW_MS


def test_a_partition_without_accounts_takes_part_in_nothing() -> None:
    driven = Driven()
    driven.restart(NOW_MS, registry=registry_of())
    driven.engine.observe(beat(NOW_MS, published={"likes/0": 5}))
    driven.read(event())
    assert driven.engine.untouched
    assert driven.engine.watermark() is None
    inputs = driven.engine.inputs()
    assert inputs is not None
    assert inputs.counts["1h"].shape == (0, 5)
    assert driven.outcomes() == {"dead_letter": 1}
    assert driven.flush() is not None


# -- followers -----------------------------------------------------------------------------------------


def snapshot(at_ms: int, followers: int, **changes: Any) -> dict[str, Any]:
    return {
        "v": 1, "id": f"s{at_ms}", "source": "file", "account": "file:a", "at_ms": at_ms,
        "followers": followers, **changes,
    }  # fmt: skip


def test_follower_snapshots_make_the_denominator() -> None:
    driven = Driven()
    driven.read(snapshot(NOW_MS - DAY, 300), snapshot(NOW_MS - 6 * HOUR, 340), topic="audience")
    inputs = driven.engine.inputs()
    assert inputs is not None
    assert inputs.followers["1h"].tolist() == [340.0]
    driven.read(snapshot(NOW_MS - DAY, 300), topic="audience")
    assert driven.engine.tally.outcomes == {
        ("file", "audience", "counted"): 2,
        ("file", "audience", "duplicate"): 1,
    }


def test_a_snapshot_that_no_window_needs_is_late() -> None:
    driven = Driven()
    old = snapshot(NOW_MS - 40 * DAY, 300)
    driven.read(old, topic="audience")
    driven.flush()
    assert driven.outcomes() == {"late": 1}
    assert driven.records(LATE) == [line(old)]


def test_broken_snapshots_are_dead_letters() -> None:
    driven = Driven()
    driven.read(
        snapshot(NOW_MS, -1),
        snapshot(NOW_MS, 300, account="file:b"),
        snapshot(1, 300),
        b"{",
        topic="audience",
    )
    driven.flush()
    assert driven.engine.tally.dead_letters == {
        "wrong_type": 1, "unknown_account": 1, "time_out_of_range": 1, "not_json": 1
    }  # fmt: skip
    assert len(driven.records(DEAD_LETTERS)) == 4


# -- defects of our own --------------------------------------------------------------------------------


class Haunted(dict[str, Any]):
    """Accounts whose look-up fails for one name, as a defect of ours might."""

    def get(self, name: str, default: Any = None) -> Any:
        if name == "file:ghost":
            raise ZeroDivisionError
        return super().get(name, default)


def test_a_line_that_our_own_code_fails_on_is_quarantined_and_the_others_count(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry = registry_of("file:a")
    registry.accounts = Haunted(registry.accounts)
    driven = Driven(registry=registry)
    ghost, late = event(account="file:ghost"), event(id="3", at_ms=NOW_MS - 100 * DAY)
    driven.read(event(id="1"), ghost, b"{", late, line(event(id="2")) + b"\n" + line(ghost))
    driven.flush()
    assert driven.counts() == [2, 0, 0, 0]
    assert driven.outcomes() == {"counted": 2, "late": 1, "dead_letter": 3}
    assert driven.engine.tally.dead_letters == {"quarantined": 2, "not_json": 1}
    assert driven.records(LATE) == [line(late)]
    assert driven.records(DEAD_LETTERS) == [line(ghost), b"{", line(ghost)]
    headers = [dict(record.headers) for flush in driven.flushes for record in flush.records]
    assert {
        "reason": b"quarantined", "topic": b"likes", "partition": b"0", "offset": b"1",
        "error": b"counting it failed: ZeroDivisionError",
    } in headers  # fmt: skip
    assert caplog.messages == [
        "likes/0: a line at offsets 0 to 4 cannot be counted and is quarantined (ZeroDivisionError)"
    ]


def test_a_snapshot_that_our_own_code_fails_on_is_quarantined_too() -> None:
    registry = registry_of("file:a")
    registry.accounts = Haunted(registry.accounts)
    driven = Driven(registry=registry)
    driven.read(snapshot(NOW_MS, 5, account="file:ghost"), snapshot(NOW_MS, 300), topic="audience")
    assert driven.engine.tally.dead_letters == {"quarantined": 1}
    assert driven.outcomes() == {"dead_letter": 1, "counted": 1}


# -- flushes -------------------------------------------------------------------------------------------


def test_nothing_new_is_not_written() -> None:
    driven = Driven()
    assert driven.flush() is None
    driven.read(event())
    assert driven.flush() is not None
    assert driven.flush() is None
    driven.advance(NOW_MS + DAY)
    assert driven.flush() is None


def test_dead_letters_and_late_events_are_written_once() -> None:
    driven = Driven()
    driven.read(b"{", event(at_ms=NOW_MS - 100 * DAY))
    driven.flush()
    driven.read(event(id="2"))
    driven.flush()
    assert len(driven.records(DEAD_LETTERS)) == 1
    assert len(driven.records(LATE)) == 1


@pytest.mark.parametrize("topic", ["likes", "comments", "shares", "audience"])
def test_each_topic_s_offset_is_kept(topic: str) -> None:
    driven = Driven()
    driven.read(b"x", b"y", topic=topic)
    driven.flush()
    assert driven.offsets == {topic: 2}


def test_own_posts_are_counted_once_and_those_elsewhere_are_no_posts_of_the_account() -> None:
    driven = Driven()
    post = {"v": 1, "source": "file", "account": "file:a", "at_ms": NOW_MS - 1000}
    gone = post | {"id": "3", "op": "remove", "at_ms": NOW_MS - 500}
    driven.read(
        post | {"id": "1"}, post | {"id": "1"}, post | {"id": "2"}, post | {"id": "3"}, gone, topic="posts"
    )
    driven.read(post | {"id": "4", "venue": "elsewhere", "venue_name": "forum"}, topic="posts")
    driven.advance(NOW_MS)
    inputs = driven.engine.inputs()
    assert inputs is not None
    assert inputs.counts["24h"].tolist() == [[0, 0, 0, 2, 0]]
    assert driven.outcomes() == {"counted": 4, "duplicate": 1, "removed": 1}
    assert dict(driven.engine.tally.outcomes) == {
        ("file", "post", "counted"): 4,
        ("file", "post", "duplicate"): 1,
        ("file", "post", "removed"): 1,
    }


def test_a_post_that_is_none_is_a_dead_letter() -> None:
    driven = Driven()
    driven.read(b'{"v":1,"id":"1","source":"file","account":"file:a"}', topic="posts")
    assert dict(driven.engine.tally.outcomes) == {("", "post", "dead_letter"): 1}
