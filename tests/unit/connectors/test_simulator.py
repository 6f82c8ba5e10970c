"""What the simulator says, told from its published bytes alone."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from tests.unit.connectors.agency import DAY_MS, HOUR_MS, LARGE, SMALL, START_MS, agency, options

from resonanz_connectors.batch import Batch
from resonanz_connectors.simulator import Simulator, SimulatorOptions, World, generate
from resonanz_connectors.simulator_incidents import Incident
from resonanz_connectors.stage import SHAPES, Playback, Stage, lines_of
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.events import Audience, Event, Post, encode

Line = tuple[str, bytes | None, bytes]


def lines(batches: Iterable[Batch]) -> list[Line]:
    return lines_of([record for batch in batches for record in batch.outgoing()])


def told(
    days: float = 7, opts: SimulatorOptions | None = None, *, zone: str = "Europe/Berlin", after: float = 0
) -> list[Line]:
    """Every line from ``days`` before the start until ``after`` days after it."""
    registry, accounts = agency(zone)
    begin, end = START_MS - round(days * DAY_MS), START_MS + round(after * DAY_MS)
    return lines(
        generate(registry, accounts, from_ms=begin, to_ms=end, start_ms=START_MS, options=opts or options())
    )


def events(found: Iterable[Line]) -> list[Event]:
    return [msgspec.json.decode(line, type=Event) for topic, _, line in found if topic not in SHAPES]


def net(found: Iterable[Line]) -> list[tuple[str, str, int]]:
    """The contract's net state, the simplest way there is: every key's operations in order of time."""
    operations: dict[tuple[Any, ...], list[tuple[int, bool]]] = {}
    for event in events(found):
        if event.own:
            continue
        key = (
            (event.account, event.source, event.actor, event.object)
            if event.kind == "like"
            else (event.account, event.kind, event.source, event.id)
        )
        operations.setdefault((event.kind, event.account, *key), []).append(
            (event.at_ms, event.op == "remove")
        )
    newest = {key: max(done) for key, done in operations.items()}
    return sorted((key[1], key[0], at) for key, (at, removal) in newest.items() if not removal)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert told(2) == told(2)
    assert told(2) != told(2, options(seed=2))


def test_any_slice_comes_out_as_in_one_go() -> None:
    registry, accounts = agency()
    opts = options(Incident(kind="viral", after_minutes=-600, size=300))
    begin = START_MS - 4 * DAY_MS
    cuts = [begin, begin + 1, begin + 7_654_321, begin + 2 * DAY_MS, START_MS - 12_345, START_MS]
    parts: list[Line] = []
    for start, end in itertools.pairwise(cuts):
        world = World(registry, accounts, opts, START_MS)
        parts.extend(lines([world.writer().batch(world.feed(start).advance(end), "")]))
    world = World(registry, accounts, opts, START_MS)
    whole = lines([world.writer().batch(world.feed(begin).advance(START_MS), "")])
    assert sorted(parts, key=str) == sorted(whole, key=str)
    assert len(whole) > 1000


def test_the_lines_are_what_the_contract_would_encode() -> None:
    for topic, key, line in told(3):
        event = msgspec.json.decode(line, type=SHAPES.get(topic, Event))
        assert encode(event) == line
        assert event.account.encode() == key


def test_the_truth_is_the_net_count_of_what_was_published() -> None:
    registry, accounts = agency()
    world = World(registry, accounts, options(), START_MS)
    feed, truth = world.feed(world.begin_ms), world.truth()
    arrivals = feed.advance(START_MS)
    truth.take(arrivals)
    assert truth.interactions() == net(lines([world.writer().batch(arrivals, "")]))


def test_two_writings_of_the_truth_at_once_are_no_failure(tmp_path: Path) -> None:
    """A stop writes it while the minute's own writing may still go on in its thread."""
    registry, accounts = agency()
    world = World(registry, accounts, options(), START_MS)
    truth = world.truth()
    truth.take(world.feed(world.begin_ms).advance(START_MS))
    with ThreadPoolExecutor(4) as pool:
        written = [pool.submit(truth.write, tmp_path / "truth.jsonl") for _ in range(8)]
    assert [one.exception() for one in written] == [None] * 8
    assert truth_of(tmp_path / "truth.jsonl") == truth.interactions()


def test_there_is_everything_that_makes_counting_hard() -> None:
    found = events(told(14))
    ids = Counter((event.id, event.op, event.at_ms) for event in found)
    assert any(count > 1 for count in ids.values()), "duplicates"
    assert any(event.op == "remove" and event.kind == "comment" for event in found), "deleted comments"
    adds = {(event.id, event.at_ms) for event in found if event.op == "add" and event.kind == "like"}
    assert len(adds) > len({identity for identity, _ in adds}), "likes that came back"
    lags = [(event.seen_ms or 0) - event.at_ms for event in found]
    assert max(lags) > HOUR_MS, "late events"
    assert sum(lag > 3_600 for lag in lags) / len(lags) < 0.05, "but few"
    order = [event.at_ms for event in found if event.account == LARGE and event.kind == "like"]
    assert any(b < a for a, b in itertools.pairwise(order)), "out of order"
    assert any("bot" in event.flags for event in found)
    assert any(event.own and event.parent for event in found), "answers"
    assert any(event.venue == "elsewhere" for event in found)
    removed = {event.id for event in found if event.op == "remove"}
    assert 0.01 < len(removed) / len({event.id for event in found}) < 0.05


def test_the_small_account_is_small_and_the_large_one_large() -> None:
    counts = Counter(event.account for event in events(told(7)))
    assert 15 < counts[SMALL] < 250
    assert counts[LARGE] > 20 * counts[SMALL]
    followers = {a.account: a.followers for a in snapshots(told(1))}
    assert 20 <= followers[SMALL] <= 300
    assert 10_000 <= followers[LARGE] <= 100_000


def snapshots(found: Iterable[Line]) -> list[Audience]:
    return [msgspec.json.decode(line, type=Audience) for topic, _, line in found if topic == "audience"]


def test_followers_are_read_hourly_in_the_last_day_and_rarely_before() -> None:
    at = [s.at_ms for s in snapshots(told(3, after=0.5)) if s.account == SMALL]
    gaps = {b - a for a, b in itertools.pairwise(at) if b <= START_MS - DAY_MS}
    assert gaps == {6 * HOUR_MS}
    late = [t for t in at if t > START_MS - DAY_MS]
    assert {b - a for a, b in itertools.pairwise(late)} == {HOUR_MS}
    assert late[-1] > START_MS


def test_posts_come_before_what_is_said_about_them() -> None:
    found = told(10)
    posts = {
        (p.account, p.object): p.at_ms
        for p in (msgspec.json.decode(line, type=Post) for topic, _, line in found if topic == "posts")
    }
    known = [event for event in events(found) if (event.account, event.object) in posts]
    assert len(known) > 1000
    assert all(event.at_ms >= posts[event.account, event.object] for event in known)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_the_evening_is_four_times_the_night_in_the_clients_own_zone(zone: str) -> None:
    hours = Counter(
        datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone)).hour
        for account, _, at in net(told(14, zone=zone))
        if account == LARGE
    )
    evening, night = sum(hours[h] for h in (18, 19, 20, 21)), sum(hours[h] for h in (1, 2, 3, 4))
    assert evening > 4 * night


def test_saturday_is_quieter_than_tuesday() -> None:
    days = Counter(
        datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo("Europe/Berlin")).weekday()
        for account, _, at in net(told(28, options(seed=3)))
        if account == LARGE
    )
    assert days[5] < days[1]


def per_hour(found: list[Line], account: str) -> Counter[int]:
    return Counter((at - START_MS) // HOUR_MS for name, _, at in net(found) if name == account)


def test_a_drop_silences_its_account_and_no_other() -> None:
    drop = Incident(kind="drop", after_minutes=60, minutes=180, accounts=(LARGE,))
    quiet, usual = (told(0.5, opts, after=0.3) for opts in (options(drop), options()))
    counts, before = per_hour(quiet, LARGE), per_hour(usual, LARGE)
    # Someone may like the same post twice, an hour apart: only the later one counts.
    assert abs(counts[0] - before[0]) <= 3
    assert sum(counts[h] for h in (1, 2, 3)) < 0.1 * sum(before[h] for h in (1, 2, 3))
    # Nor does anybody answer what was not said.
    assert abs(counts[4] - before[4]) <= 10
    assert before[0] > 20
    assert per_hour(quiet, SMALL) == per_hour(usual, SMALL)


def test_a_viral_post_gathers_its_crowd_around_one_object() -> None:
    viral = Incident(kind="viral", after_minutes=30, minutes=20, size=2000, accounts=(LARGE,))
    more = events(told(0.1, options(viral), after=0.1))
    objects = Counter(e.object for e in more if START_MS + 30 * 60_000 <= e.at_ms < START_MS + 50 * 60_000)
    assert objects.most_common(1)[0][1] > 1800


def test_cascades_happen_by_themselves() -> None:
    counts = per_hour(told(28, options(seed=5)), LARGE)
    by_hour_of_day = {h: sorted(counts[k] for k in range(h - 28 * 24, 0, 24)) for h in range(24)}
    peaks = [each[-1] / max(each[len(each) // 2], 10) for each in by_hour_of_day.values()]
    assert max(peaks) > 4


def test_a_dead_connector_hears_nothing_of_its_platform() -> None:
    dead = Incident(kind="dead", after_minutes=10, minutes=30)
    found = [e for e in events(told(0.2, options(dead, rate=20), after=0.1)) if e.account == LARGE]
    begin, end = START_MS + 600_000, START_MS + 2_400_000
    assert not [e for e in found if begin <= (e.seen_ms or 0) < end]
    assert [e for e in found if (e.seen_ms or 0) >= end]
    assert [e for e in found if (e.seen_ms or 0) < begin]


class Agency(Playback):
    """Both accounts, live."""

    connector = Simulator
    name = "simulator"
    start_ms = START_MS
    clients: Mapping[str, Any] = {
        "bakery": {
            "name": "Bakery",
            "potential": 300,
            "accounts": [{"id": SMALL, "connector": "simulator"}],
        },
        "band": {
            "name": "Band",
            "potential": 100_000,
            "accounts": [{"id": LARGE, "connector": "simulator"}],
        },
    }

    def __init__(self, folder: Path, **more: Any) -> None:
        self.folder = folder
        self._options = {"backfill_days": 1, "truth": "truth.jsonl", "incidents": [], **more}

    def options(self) -> Mapping[str, Any]:
        return self._options


def truth_of(path: Path) -> list[tuple[str, str, int]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return sorted((r["account"], r["kind"], r["at_ms"]) for r in rows if "incident" not in r)


def test_the_truth_file_survives_a_restart(tmp_path: Path) -> None:
    incidents = [{"kind": "viral", "after_minutes": 0.5, "minutes": 5, "size": 500}]
    stage = Stage(Agency(tmp_path, incidents=incidents))

    async def scenario() -> None:
        await stage.run(90)
        await stage.clock.advance(600)
        await stage.run(90)

    asyncio.run(scenario())
    truth = truth_of(tmp_path / "truth.jsonl")
    assert truth == net(lines_of(stage.publisher.durable))
    assert len(truth) > 500
    assert '{"incident": "viral"' in (tmp_path / "truth.jsonl").read_text(encoding="utf-8")


def test_a_dead_connector_shows_in_the_heartbeat_and_leaves_a_gap(tmp_path: Path) -> None:
    """
    ::

        0 ── 1 min ▌dead▐ 2 min ── 3 min
    """
    incident = {"kind": "dead", "after_minutes": 1, "minutes": 1, "accounts": [SMALL]}
    stage = Stage(Agency(tmp_path, incidents=[incident]))

    async def scenario() -> None:
        async with stage.running():
            await stage.clock.advance(90)
            small, large = stage.cursors.of(SMALL)[-1], stage.cursors.of(LARGE)[-1]
            assert (small.state, large.state) == ("down", "ok")
            assert small.errors == {"unreachable": 1}
            assert small.complete_through_ms <= START_MS + 60_000
            assert large.complete_through_ms >= START_MS + 80_000
            await stage.clock.advance(60)
            assert stage.cursors.of(SMALL)[-1].state == "ok"

    asyncio.run(scenario())
    assert stage.cursors.of(SMALL)[-1].gaps == [(START_MS + 60_000, START_MS + 120_000)]
    assert stage.cursors.of(LARGE)[-1].gaps == []
    assert stage.cursors.of(SMALL)[-1].since_ms == (START_MS - DAY_MS) // HOUR_MS * HOUR_MS


def test_an_account_that_joins_later_is_watched_from_then_on(tmp_path: Path) -> None:
    stage = Stage(Agency(tmp_path))

    async def scenario() -> None:
        await stage.run(30)
        del stage.cursors.newest["simulator", SMALL]
        await stage.run(30)

    asyncio.run(scenario())
    small, large = stage.cursors.of(SMALL)[-1], stage.cursors.of(LARGE)[-1]
    assert START_MS + 29_000 <= small.since_ms <= START_MS + 30_000
    assert large.since_ms < START_MS - DAY_MS
    assert small.gaps == large.gaps == []


def test_an_incident_of_an_unknown_account_is_a_mistake(tmp_path: Path) -> None:
    stage = Stage(Agency(tmp_path, incidents=[{"kind": "drop", "after_minutes": 1, "accounts": ["x:y"]}]))
    with pytest.raises(ConfigurationError, match="'x:y' is no account of the simulator"):
        asyncio.run(stage.run(1))
