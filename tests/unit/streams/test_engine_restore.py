"""What a partition's next owner finds: kills between flushes, other versions, other configurations."""

from typing import Any

import msgspec
import pytest
from tests.engines import NOW_MS, Driven, event, registry_of

from resonanz_streams.engine import META_KEY
from resonanz_streams.errors import RECOUNT, StopError
from resonanz_streams.events import Status
from resonanz_streams.ledger import ENTRY_BYTES
from resonanz_streams.ledger_rows import ROW_PREFIX

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def like(number: int, at_ms: int = NOW_MS - MINUTE, **changes: Any) -> dict[str, Any]:
    return event(id=str(number), at_ms=at_ms, **changes)


def snapshot(at_ms: int, followers: int) -> dict[str, Any]:
    return {"id": f"s{at_ms}", "source": "file", "account": "file:a", "at_ms": at_ms, "followers": followers}


def test_after_a_clean_end_everything_is_there() -> None:
    driven = Driven()
    driven.read(like(1), like(2), like(3, op="remove"), like(4, at_ms=NOW_MS - 3 * DAY))
    driven.read(event(kind="comment"), topic="comments")
    driven.read(snapshot(NOW_MS - HOUR, 300), topic="audience")
    driven.flush()
    before = {window: driven.counts(window) for window in ("1m", "1h", "24h", "7d", "28d")}
    driven.restart()
    assert {window: driven.counts(window) for window in before} == before
    assert before["24h"] == [2, 1, 0, 0]
    assert before["7d"] == [3, 1, 0, 0]
    assert driven.engine.offsets == {"likes": 4, "comments": 1, "audience": 1}
    inputs = driven.engine.inputs()
    assert inputs is not None
    assert inputs.followers["1h"].tolist() == [300.0]


def test_a_kill_between_two_flushes_loses_and_doubles_nothing() -> None:
    """
    ::

        offsets   0  1  2 | 3  4        killed; read again from 3
                  flushed | lost
    """
    driven = Driven()
    driven.read(like(1), like(2), like(2))
    driven.flush()
    driven.read(like(3), like(1, op="remove", at_ms=NOW_MS))
    assert driven.counts() == [2, 0, 0, 1]
    driven.restart()
    assert driven.counts() == [2, 0, 0, 0]
    assert driven.engine.offsets == {"likes": 3}
    driven.read(like(3), like(1, op="remove", at_ms=NOW_MS))
    assert driven.counts() == [2, 0, 0, 1]


def test_reading_everything_again_into_a_full_state_changes_nothing() -> None:
    """Somebody set the offsets back to the beginning."""
    driven = Driven()
    events = [like(1), like(2), like(1, op="remove", at_ms=NOW_MS), like(3, count=7)]
    driven.read(*events)
    driven.flush()
    head = msgspec.msgpack.decode(driven.rows[META_KEY])
    driven.rows[META_KEY] = msgspec.msgpack.encode(head | {"offsets": {}})
    driven.offsets = {}
    driven.restart()
    driven.read(*events)
    assert driven.counts() == [8, 0, 0, 1]
    assert driven.outcomes() == {"duplicate": 4}


def test_a_removal_after_a_restart_still_finds_its_addition() -> None:
    driven = Driven()
    driven.read(event(actor="x", object="o", id="1", at_ms=NOW_MS - 10 * DAY))
    driven.flush()
    driven.restart()
    driven.read(event(actor="x", object="o", id="9", op="remove"))
    assert driven.counts() == [0, 0, 0, 1]


def test_a_removal_that_came_first_is_remembered_over_a_restart() -> None:
    driven = Driven()
    driven.read(like(1, op="remove", at_ms=NOW_MS))
    driven.flush()
    driven.restart()
    driven.read(like(1))
    assert driven.counts() == [0, 0, 0, 1]


def test_what_waits_for_its_time_waits_on_after_a_restart() -> None:
    driven = Driven()
    driven.read(like(1, at_ms=NOW_MS + MINUTE), like(2))
    driven.flush()
    driven.restart()
    assert driven.counts() == [1, 0, 0, 0]
    driven.advance(NOW_MS + MINUTE)
    assert driven.counts() == [2, 0, 0, 0]
    driven.flush()
    driven.restart(NOW_MS + MINUTE)
    assert driven.counts() == [2, 0, 0, 0]
    assert [key for key in driven.rows if key.startswith(b"f/")] == [], "nothing waits any more"


def test_what_reached_its_time_while_nobody_owned_it_survives_a_flush_before_the_first_tick() -> None:
    """
    ::

        read, flushed      its time      restored, flushed at once (a revocation), restored
              |               x               |
    """
    driven = Driven()
    driven.read(event(id="1", at_ms=NOW_MS + 1000))
    driven.flush()
    driven.restart(NOW_MS + 2000)
    driven.read(event(id="2"))
    driven.flush()
    driven.restart(NOW_MS + 3000)
    assert driven.counts() == [2, 0, 0, 0]


def test_event_time_goes_on_where_it_stood() -> None:
    driven = Driven(now_ms=None)
    driven.read(like(1, at_ms=NOW_MS), like(2, at_ms=NOW_MS + DAY))
    driven.advance(NOW_MS)
    driven.flush()
    driven.restart(None)
    assert driven.counts() == [1, 0, 0, 0]
    driven.advance(NOW_MS + DAY)
    assert driven.counts() == [2, 0, 0, 0]


def test_the_watermark_survives() -> None:
    driven = Driven()
    for topic, kind in (("likes", "like"), ("comments", "comment"), ("shares", "share")):
        driven.read(event(kind=kind), topic=topic)
    driven.flush()
    driven.restart()
    assert driven.engine.watermark() == NOW_MS - MINUTE


# -- the configuration changed -------------------------------------------------------------------------


def test_an_account_that_leaves_and_comes_back_has_its_numbers_again() -> None:
    driven = Driven("file:a", "file:b")
    driven.read(like(1), like(1, account="file:b"), like(2, account="file:b"))
    driven.flush()
    driven.restart(NOW_MS, "file:b")
    assert driven.counts() == [2, 0, 0, 0]
    driven.read(like(3), like(4, account="file:b"))
    assert driven.outcomes() == {"dead_letter": 1, "counted": 1}
    driven.flush()
    driven.restart(NOW_MS, "file:c", "file:b", "file:a")
    assert [driven.counts(row=row)[0] for row in range(3)] == [0, 3, 1]
    driven.read(like(1), like(1, op="remove", account="file:b", at_ms=NOW_MS))
    assert [driven.counts(row=row) for row in range(3)] == [[0, 0, 0, 0], [2, 0, 0, 1], [1, 0, 0, 0]]


def test_what_waits_for_an_account_that_left_waits_for_its_return() -> None:
    driven = Driven("file:a", "file:b")
    driven.read(like(1, account="file:b", at_ms=NOW_MS + MINUTE))
    driven.flush()
    driven.restart(NOW_MS, "file:a")
    driven.advance(NOW_MS + MINUTE)
    driven.flush()
    driven.restart(NOW_MS + MINUTE, "file:a", "file:b")
    assert driven.counts(row=1) == [1, 0, 0, 0]


def test_the_last_account_may_leave() -> None:
    driven = Driven()
    driven.read(like(1), snapshot(NOW_MS, 300))
    driven.flush()
    driven.restart(NOW_MS, registry=registry_of())
    inputs = driven.engine.inputs()
    assert inputs is not None
    assert inputs.counts["28d"].shape == (0, 5)
    driven.restart()
    assert driven.counts() == [1, 0, 0, 0]


# -- horizon and cap -----------------------------------------------------------------------------------


def test_the_state_forgets_what_is_beyond_the_horizon() -> None:
    """Full rows are deleted once nothing in them is within the horizon; here 6,000 keys make one."""
    driven = Driven()
    driven.read(b"\n".join(_lines(6_000, NOW_MS - DAY)))
    driven.flush()
    assert [key for key in driven.rows if key.startswith(ROW_PREFIX)] == [b"l/0"]
    driven.advance(NOW_MS + 28 * DAY)
    driven.flush()
    assert [key for key in driven.rows if key.startswith(ROW_PREFIX)] == []


def _lines(count: int, first_ms: int, *, apart_ms: int = 0) -> list[bytes]:
    return [
        b'{"v":1,"id":"%d","source":"file","kind":"like","account":"file:a","at_ms":%d}'
        % (number, first_ms + number * apart_ms)
        for number in range(count)
    ]


def test_at_the_ledger_s_cap_the_horizon_shortens_visibly_and_survives() -> None:
    """2,048 entries are allowed, 3,000 come, one a minute: what is older than the cut is late from now on."""
    driven = Driven(ledger_max_bytes=2048 * ENTRY_BYTES)
    first = NOW_MS - 3000 * MINUTE
    driven.read(b"\n".join(_lines(3000, first, apart_ms=MINUTE)))
    for topic, kind in (("comments", "comment"), ("shares", "share")):
        driven.read(event(kind=kind, at_ms=NOW_MS), topic=topic)
    assert driven.engine.horizon_ms == 29 * DAY
    driven.flush()
    cut = driven.engine.ledger.cut_ms
    assert first + 1150 * MINUTE < cut < first + 1170 * MINUTE
    assert driven.engine.horizon_ms == NOW_MS - MINUTE - cut
    driven.restart()
    assert driven.engine.ledger.cut_ms == cut
    driven.read(like(5000, at_ms=cut - 1), like(5001, at_ms=cut))
    assert driven.outcomes() == {"late": 1, "counted": 1}
    assert driven.counts() == [3001, 1, 1, 0], "what had been counted stays counted"


def test_beyond_the_horizon_a_window_is_counted_but_not_covered() -> None:
    """
    ::

        t-1h       t-10m          t
          x              x   x    |      what was undone before t-10m is not known: 10 min of 60 are covered
    """
    driven = Driven(now_ms=NOW_MS - 50 * MINUTE, horizon_ms=10 * MINUTE)
    driven.read(b"\n".join(_lines(12_000, NOW_MS - 50 * MINUTE)))
    driven.flush()
    driven.engine.observe(complete())
    driven.advance(NOW_MS)
    driven.read(like(13_000), like(13_001))
    before = driven.counts("5m"), driven.counts("1h"), covered(driven, "5m", "15m", "1h")
    driven.flush()
    driven.restart()
    driven.engine.observe(complete())
    after = driven.counts("5m"), driven.counts("1h"), covered(driven, "5m", "15m", "1h")
    assert before == ([2, 0, 0, 0], [12_002, 0, 0, 0], {"5m": 1.0, "15m": 10 / 15, "1h": 10 / 60})
    assert after == ([2, 0, 0, 0], [2, 0, 0, 0], {"5m": 1.0, "15m": 10 / 15, "1h": 10 / 60})


def test_what_the_ledger_has_forgotten_counts_as_not_covered() -> None:
    driven = Driven(ledger_max_bytes=2048 * ENTRY_BYTES)
    first = NOW_MS - 28 * DAY
    driven.engine.observe(complete(since_ms=first))
    driven.read(b"\n".join(_lines(3000, first, apart_ms=28 * DAY // 3000)))
    assert covered(driven, "24h", "28d") == {"24h": 1.0, "28d": 1.0}
    driven.flush()
    share = (NOW_MS - driven.engine.ledger.cut_ms) / (28 * DAY)
    assert 0.5 < share < 0.7
    assert covered(driven, "24h", "28d") == {"24h": 1.0, "28d": share}


def complete(since_ms: int = 0) -> Status:
    """Everything up to now has been published."""
    return Status(
        connector="file",
        account="file:a",
        at_ms=NOW_MS,
        state="ok",
        since_ms=since_ms,
        complete_through_ms=NOW_MS,
    )


def covered(driven: Driven, *windows: str) -> dict[str, float]:
    inputs = driven.engine.inputs()
    assert inputs is not None
    return {window: float(inputs.coverage[window][0]) for window in windows}


def test_offsets_that_the_broker_has_forgotten_come_from_the_state() -> None:
    driven = Driven()
    driven.read(like(1))
    driven.flush()
    offsets = dict(driven.engine.offsets)
    driven.offsets.clear()
    driven.restart()
    assert driven.engine.offsets == offsets == {"likes": 1}


# -- states that must not be read ----------------------------------------------------------------------


def flushed() -> Driven:
    driven = Driven()
    driven.read(like(1))
    driven.read(like(2, at_ms=NOW_MS + MINUTE))
    driven.flush()
    return driven


def refusal(driven: Driven) -> str:
    with pytest.raises(StopError) as caught:
        driven.restart()
    return str(caught.value)


def test_rows_of_another_version_are_refused_with_a_sentence() -> None:
    driven = flushed()
    row = msgspec.msgpack.decode(driven.rows[b"l/0"])
    driven.rows[b"l/0"] = msgspec.msgpack.encode([1, *row[1:]])
    assert refusal(driven) == (
        "the state was written by schema 1, this version reads 2; "
        "run the version that wrote it, or " + RECOUNT
    )


def test_a_head_of_another_version_is_refused_with_a_sentence() -> None:
    driven = flushed()
    head = msgspec.msgpack.decode(driven.rows[META_KEY])
    driven.rows[META_KEY] = msgspec.msgpack.encode(head | {"schema": 7})
    assert refusal(driven) == (
        "the state was written by schema 7, this version reads 2; "
        "run the version that wrote it, or " + RECOUNT
    )


@pytest.mark.parametrize("key", [b"l/0", b"f/1", META_KEY])
@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x93\x01\x02\x03", b"not msgpack"])
def test_rows_that_are_no_rows_are_refused_with_a_sentence(key: bytes, data: bytes) -> None:
    driven = flushed()
    assert key in driven.rows
    driven.rows[key] = data
    sentence = refusal(driven)
    assert "cannot be read" in sentence
    assert sentence.endswith(RECOUNT)


@pytest.mark.parametrize("key", [b"l/0", b"f/1"])
@pytest.mark.parametrize(("place", "data"), [(2, b"123"), (2, b"1" * 16), (6, b"\x07\x00\x00\x00"), (7, b"")])
def test_a_row_whose_parts_do_not_fit_together_is_refused_with_a_sentence(
    key: bytes, place: int, data: bytes
) -> None:
    driven = flushed()
    row = msgspec.msgpack.decode(driven.rows[key])
    row[place] = data
    driven.rows[key] = msgspec.msgpack.encode(row)
    assert refusal(driven).endswith(RECOUNT)


def test_followers_that_are_no_row_are_refused_with_a_sentence() -> None:
    driven = Driven()
    driven.read(snapshot(NOW_MS, 300), topic="audience")
    driven.flush()
    driven.rows[b"a/file:a"] = b"123"
    assert refusal(driven) == "the followers of file:a cannot be read; " + RECOUNT


def test_a_reach_that_is_no_row_is_refused_with_a_sentence() -> None:
    driven = Driven()
    driven.read(snapshot(NOW_MS, 300) | {"object": "p", "reach": 5}, topic="audience")
    driven.flush()
    driven.rows[b"i/file:a"] = b"123"
    sentence = refusal(driven)
    assert sentence.startswith("the reach of posts of file:a cannot be read (")
    assert sentence.endswith(RECOUNT)


def test_a_state_beyond_the_committed_offsets_is_refused() -> None:
    driven = flushed()
    driven.offsets = {"likes": 1}
    assert refusal(driven) == (
        "partition 0: the state holds {'likes': 2}, the committed offsets are {'likes': 1}; "
        "somebody moved them; " + RECOUNT
    )


def test_facets_that_nothing_has_any_more_are_forgotten() -> None:
    """Every post has one; a month later the old ones are gone, with the rows and segments that held them."""
    driven, later = Driven(), NOW_MS + 30 * DAY

    def publish(name: str, at_ms: int) -> None:
        post = {"v": 1, "source": "file", "account": "file:a", "at_ms": at_ms}
        driven.read(*(post | {"id": f"{name}{number}"} for number in range(8_000)), topic="posts")

    def known(name: str) -> int:
        assert driven.engine.facets is not None
        return sum((facet.post or "").startswith(name) for facet in driven.engine.facets.table().values())

    publish("old", NOW_MS)
    driven.flush()
    assert known("old") == 8_000
    for now_ms in (later, later + 2 * HOUR):
        driven.advance(now_ms)
        for topic, kind in (("likes", "like"), ("comments", "comment"), ("shares", "share")):
            driven.read(event(kind=kind, at_ms=now_ms), topic=topic)
        driven.flush()
        publish("new", later)
        driven.flush()
    assert (known("old"), known("new")) == (0, 8_000)
    assert {facet.post for facet in driven.engine.net()().facets} == {
        None,
        *(f"new{n}" for n in range(8_000)),
    }
