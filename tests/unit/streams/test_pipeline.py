"""The partitions of a worker: runs in, one transaction a flush out."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from tests.engines import NOW_MS, event, run_of
from tests.stores import Played, heartbeat

from resonanz_streams.errors import FencedError, RetryError, StopError
from resonanz_streams.topics import KPIS
from resonanz_streams.transports.ports import Run

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


# file:a lives in partition 0 of 4, file:e in 1, file:b in 3; none of them in 2.


def test_a_flush_holds_rows_offsets_letters_and_snapshots_together() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own(0)
        await played.read(event(), b"{", event(id="2", at_ms=NOW_MS - 100 * DAY), partition=0)
        await played.tick()
        assert [partition for partition, _ in played.store.flushes] == [0]
        flush = played.store.flushes[0][1]
        assert flush.offsets == {"likes": 3}
        assert set(flush.rows) == {b"m", b"r", b"l/0"}
        assert [record.topic for record in flush.records] == ["dead-letters", "late", "kpis"]

    run(scene())


def test_whoever_takes_up_an_exclusion_says_so_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    """Of the accounts of that partition: another worker tells of the others."""
    exclusions = [
        {"account": "file:a", "reason": "a raffle", "by": "Cem"},
        {"account": "file:b", "reason": "another's"},
    ]
    client = {"name": "Fleet", "accounts": ["file:a", "file:b"], "exclusions": exclusions}

    async def scene() -> None:
        await Played(clients={"fleet": client}).own(0)

    run(scene())
    assert caplog.messages == [
        "file:a: all from the beginning on is left out of authentic figures: a raffle (Cem)"
    ]


def test_a_snapshot_shows_what_is_written_with_it() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:b")
        await played.own()
        played.pipeline.observe(heartbeat("file:a"))
        await played.read(event(), event(id="2", account="file:b"), event(id="3", account="file:b"))
        await played.tick()
        told = {name: played.store.told(name)[-1] for name in ("file:a", "file:b")}
        whole = {
            name: [
                (e.value, e.coverage)
                for e in snapshot.kpis
                if (e.kpi, e.window, e.part) == ("interactions", "1h", None)
            ]
            for name, snapshot in told.items()
        }
        assert whole == {"file:a": [(1.0, 1.0)], "file:b": [(2.0, 0.0)]}
        assert (told["file:a"].at_ms, told["file:a"].client, told["file:a"].platform) == (
            NOW_MS,
            "fleet",
            "file",
        )

    run(scene())


def test_nothing_new_is_not_written_and_the_unchanged_are_told_twice_a_minute() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own(0)
        await played.tick()
        assert len(played.store.told("file:a")) == 1
        for _ in range(29):
            await played.tick(1000)
        assert [[record.topic for record in flush.records] for _, flush in played.store.flushes] == [
            ["kpis"],
            ["kpis.deep"],
        ]
        await played.tick(1000)
        assert len(played.store.told("file:a")) == 2

    run(scene())


def test_without_a_budget_no_snapshots_are_made_but_state_is_written() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own(0)
        await played.read(event())
        await played.tick(budget_seconds=0.0)
        assert [r.topic for r in played.store.records] == []
        assert played.store.offsets[0] == {"likes": 1}

    run(scene())


# -- ownership -----------------------------------------------------------------------------------------


def test_an_assignment_recovers_what_is_new_and_says_where_to_read_on() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:b")
        assert await played.own(0) == {}
        await played.read(event())
        await played.tick()
        assert await played.own(0, 3) == {("likes", 0): 1}
        assert played.store.calls == ["recover 0", "flush 0", "recover 3"]
        assert played.counts("file:a") == [1, 0, 0, 0]

    run(scene())


def test_what_goes_to_others_is_released_and_no_longer_counted_here() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:b")
        await played.own(0, 3)
        await played.read(event(), event(account="file:b"))
        await played.pipeline.revoked(frozenset({0, 3}))
        assert played.store.offsets == {0: {"likes": 1}, 3: {"likes": 1}}
        await played.own(3)
        assert set(played.pipeline.engines) == {3}
        assert played.store.calls[-1] == "release 0"
        await played.pipeline.apply(run_of(event(id="9"), start=1))
        assert played.pipeline.dropped_runs == 1
        assert sum(tally.outcomes.total() for tally in played.pipeline.tallies()) == 2, "counted here, once"

    run(scene())


def test_the_next_owner_finds_everything() -> None:
    async def scene() -> None:
        played, other = Played("file:a"), Played("file:a")
        other.store = played.store
        other.pipeline = type(other.pipeline)(other.settings, other.registry, played.store, lambda: NOW_MS)
        await played.own(0)
        await played.read(event(), event(id="2"))
        await played.pipeline.revoked(frozenset({0}))
        assert await other.own(0) == {("likes", 0): 2}
        assert other.counts("file:a") == [2, 0, 0, 0]
        assert other.pipeline.recovered_positions == {("likes", 0): 2}

    run(scene())


def test_while_a_partition_is_recovered_it_is_called_so() -> None:
    async def scene() -> None:
        played = Played("file:a")
        seen: list[bool] = []

        class Watched(type(played.store)):  # type: ignore[misc]  # the class of the store at hand
            async def recover(self, partition: int) -> Any:
                seen.append(partition in played.pipeline.recovering)
                return await super().recover(partition)

        played.pipeline._store = Watched()
        await played.own(0, 1)
        assert seen == [True, True]
        assert played.pipeline.recovering == set()

    run(scene())


def test_a_recovery_that_fails_leaves_nothing_behind() -> None:
    async def scene() -> None:
        played = Played("file:a")
        played.store.failing[1] = StopError("no")
        with pytest.raises(StopError):
            await played.own(0, 1)
        assert played.pipeline.recovering == set()
        assert set(played.pipeline.engines) == {0}

    run(scene())


@pytest.mark.parametrize("error", [FencedError("another"), RetryError("away")])
def test_a_flush_that_fails_gives_the_partition_up(error: Exception) -> None:
    async def scene() -> None:
        played = Played("file:a", "file:b")
        await played.own(0, 3)
        await played.read(event(), event(account="file:b"))
        played.store.failing[0] = error
        with pytest.raises(type(error)):
            await played.tick()
        assert set(played.pipeline.engines) == {3}
        assert played.pipeline.flush_failures == {type(error).__name__: 1}
        played.pipeline.drop_all()
        played.pipeline.begin()
        await played.own(0, 3)
        await played.read(event(), event(account="file:b"))
        await played.tick()
        assert (played.counts("file:a"), played.counts("file:b")) == ([1, 0, 0, 0], [1, 0, 0, 0])

    run(scene())


# -- runs ----------------------------------------------------------------------------------------------


def test_a_run_that_leaves_a_hole_is_dropped_and_one_that_overlaps_is_trimmed() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own(0)
        await played.read(event(id="1"), event(id="2"))
        await played.pipeline.apply(run_of(event(id="4"), start=3))
        assert (played.pipeline.dropped_runs, played.counts("file:a")) == (1, [2, 0, 0, 0])
        await played.pipeline.apply(run_of(event(id="2"), event(id="3"), start=1))
        await played.tick()
        assert played.counts("file:a") == [3, 0, 0, 0]
        assert played.pipeline.positions() == {("likes", 0): 3}

    run(scene())


def broken(start: int) -> Run:
    """Offsets that do not fit the values: a defect of a transport."""
    whole = run_of(b"{", start=start)
    return Run(
        whole.topic, whole.partition, whole.first_offset, whole.next_offset, [b"{", b"{"], whole.offsets
    )


def test_after_a_run_that_could_not_be_counted_nothing_is_written_any_more() -> None:
    """An engine may hold half of it; the offsets must not move past what was not counted."""

    async def scene() -> None:
        played = Played("file:a")
        await played.own(0)
        await played.read(event())
        await played.pipeline.apply(broken(1))
        assert isinstance(played.pipeline.failure, RetryError)
        assert str(played.pipeline.failure) == (
            "partition 0: a record cannot be counted (ValueError); it is looked for among all that came "
            "since the last flush"
        )
        await played.tick()
        await played.pipeline.revoked(frozenset({0}))
        assert played.store.flushes == []
        played.pipeline.drop_all()
        played.pipeline.begin()
        assert played.pipeline.failure is None
        await played.own(0)
        await played.read(event())
        await played.tick()
        assert played.counts("file:a") == [1, 0, 0, 0]

    run(scene())


# -- time ----------------------------------------------------------------------------------------------


def test_on_the_wall_clock_now_is_the_clock() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own(0)
        await played.tick(5 * MINUTE)
        assert played.pipeline.now_ms() == NOW_MS + 5 * MINUTE

    run(scene())


async def read_all_topics(played: Played, account: str, at_ms: int) -> None:
    for topic, kind in (("likes", "like"), ("comments", "comment"), ("shares", "share")):
        await played.read(event(account=account, kind=kind, at_ms=at_ms), topic=topic)


def test_on_the_event_clock_now_is_the_slowest_partition_that_was_ever_touched() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:b", "file:e", clock="event")
        await played.own()
        assert played.pipeline.now_ms() is None
        await read_all_topics(played, "file:a", NOW_MS - 5)
        assert played.pipeline.now_ms() == NOW_MS - 5
        await played.read(event(account="file:b"))
        assert played.pipeline.now_ms() is None, "nobody knows of its comments"
        await read_all_topics(played, "file:b", NOW_MS - 9)
        assert played.pipeline.now_ms() == NOW_MS - 9
        await played.tick()
        assert played.store.told("file:a")[-1].at_ms == NOW_MS - 9
        assert played.counts("file:a") == [0, 0, 0, 0], "its time has not come"
        assert played.counts("file:b") == [1, 1, 1, 0]

    run(scene())


def test_on_the_event_clock_everything_is_told_whenever_time_moves() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:d", clock="event", partitions=1)
        await played.own()
        await read_all_topics(played, "file:a", NOW_MS - 5)
        await played.tick()
        await played.tick()
        await read_all_topics(played, "file:a", NOW_MS - 3)
        await played.tick()
        assert [snapshot.at_ms for snapshot in played.store.told("file:d")] == [NOW_MS - 5, NOW_MS - 3]

    run(scene())


# -- heartbeats ----------------------------------------------------------------------------------------


def coverage(played: Played, account: str = "file:a") -> float:
    inputs = played.pipeline.engines[played.registry.accounts[account].partition].inputs()
    assert inputs is not None
    return float(inputs.coverage["24h"][0])


def test_heartbeats_that_came_before_the_partition_are_known_to_it() -> None:
    async def scene() -> None:
        played = Played("file:a")
        played.pipeline.observe(heartbeat())
        played.pipeline.observe(heartbeat("file:nobody"))
        await played.own(0)
        assert coverage(played) == 1.0

    run(scene())


def test_an_older_heartbeat_changes_nothing() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own(0)
        played.pipeline.observe(heartbeat(at_ms=NOW_MS))
        played.pipeline.observe(heartbeat(at_ms=NOW_MS - 1, since_ms=NOW_MS))
        assert coverage(played) == 1.0

    run(scene())


def test_a_heartbeat_of_the_far_future_does_not_silence_those_that_follow() -> None:
    """Its machine's clock was wrong for a moment."""

    async def scene() -> None:
        played = Played("file:a")
        await played.own(0)
        played.pipeline.observe(heartbeat(at_ms=NOW_MS * 2, complete_through_ms=NOW_MS * 2))
        played.clock_ms += MINUTE
        played.pipeline.observe(heartbeat(at_ms=NOW_MS + MINUTE, since_ms=NOW_MS + MINUTE - 12 * HOUR))
        await played.tick()
        assert coverage(played) == pytest.approx(0.5, abs=0.001)
        assert played.pipeline.engines[0].watermark() == NOW_MS

    run(scene())


def test_time_missed_adds_up_and_is_not_counted_twice() -> None:
    """
    ::

        first    ██░░░░██████            5 s missed
        later    ██░░░░██░░░░░░██        and 7 s more
        at last        ██░░░░░░████      the first gap is too old to be told: still 12 s
    """
    played = Played("file:a")
    seen = []
    for gaps in ([(0, 5_000)], [(0, 5_000), (8_000, 15_000)], [(8_000, 15_000)], [(7_000, 15_000)], []):
        played.pipeline.observe(heartbeat(gaps=gaps))
        seen.append(played.pipeline.heard.missed_ms["file", "file:a"])
    assert seen == [5_000, 12_000, 12_000, 13_000, 13_000]


def test_topics_of_a_snapshot_s_record() -> None:
    async def scene() -> None:
        played = Played("file:b")
        await played.own()
        await played.tick()
        records = [(r.topic, r.key, r.partition) for r in played.store.records]
        assert records == [(KPIS, b"file:b", 3)]

    run(scene())
