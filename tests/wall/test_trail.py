"""What sparklines are drawn from, against lists that simply grow."""

import random
from pathlib import Path

import pytest
from tests.wall.figures import record, snapshot
from tests.wall.walls import TWO_CLIENTS, RunningWall, settings_from, wait_until

from resonanz_dashboards.trail import KEEP, STEP_MS, Trail

BLUESKY, FILE, MASTODON = "bluesky:did:plc:abc", "file:a17", "mastodon:https://example.social/@stage"


@pytest.mark.parametrize("samples", [0, 1, KEEP - 1, KEEP, KEEP + 1, 3 * KEEP + 7])
def test_the_last_samples_are_kept_in_their_order(samples: int) -> None:
    trail, draw = Trail(["a", "b", "c"]), random.Random(samples)
    times, taken = [], []
    for number in range(samples):
        times.append(1000 + number * STEP_MS)
        taken.append([None if draw.random() < 0.3 else draw.randint(-9, 90) / 4 for _ in range(3)])
        trail.sample(times[-1], taken[-1])
    assert trail.times_ms() == times[-KEEP:]
    for place, account in enumerate("abc"):
        assert trail.of(account) == [each[place] for each in taken[-KEEP:]]
    known = [[it for it in (each[0], each[2]) if it is not None] for each in taken[-KEEP:]]
    assert trail.total(["a", "c"]) == [sum(each) if each else None for each in known]


def test_nobody_shown_has_no_total() -> None:
    trail = Trail(["a"])
    trail.sample(0, [1.0])
    assert trail.total([]) == [None]


def test_a_sample_is_due_once_a_step() -> None:
    trail = Trail(["a"])
    assert trail.due(0)
    trail.sample(0, [1.0])
    assert not trail.due(STEP_MS - 1)
    assert trail.due(STEP_MS)


def test_the_api_gives_what_the_wall_has_seen(tmp_path: Path) -> None:
    # In 5 min: 7 and 4 interactions; then 16 and 4; then 16, and the other account is stale.
    time = [1_700_000_000_000]
    with RunningWall(settings_from(tmp_path, TWO_CLIENTS), clock=lambda: time[0]) as wall:

        def sampled(number: int) -> None:
            wait_until(lambda: len(wall.board.trail.times_ms()) == number, f"sample {number}")

        wall.put(
            record(snapshot(BLUESKY, time[0], likes_per_hour=60)),
            record(snapshot(MASTODON, time[0], client="theatre", likes_per_hour=36)),
        )
        sampled(1)
        wall.put(record(snapshot(BLUESKY, time[0], likes_per_hour=120)))
        time[0] += 5_000
        sampled(2)
        wall.put(record(snapshot(BLUESKY, time[0] + 65_000, likes_per_hour=120)))
        time[0] += 65_000
        sampled(3)
        answer = wall.get(f"/api/v1/velocities?account={MASTODON}&account={FILE}").json()
        assert answer == {
            "times_ms": [1_700_000_000_000, 1_700_000_005_000, 1_700_000_070_000],
            "total": [2.2, 4.0, 3.2],
            "accounts": {MASTODON: [0.8, 0.8, None], FILE: [None, None, None]},
        }
        of_bakery = wall.get("/api/v1/velocities?client=bakery").json()
        assert (of_bakery["total"], of_bakery["accounts"]) == ([1.4, 3.2, 3.2], {})
        assert wall.get("/api/v1/velocities?account=file:unknown").status == 404
        assert wall.get("/api/v1/velocities?client=nobody").status == 404
