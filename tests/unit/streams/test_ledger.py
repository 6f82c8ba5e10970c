"""The net-state rule, key by key; additions are +, removals −, times in plain numbers."""

import itertools
import random

import numpy as np
import pytest

from resonanz_streams.ledger import BARE_BYTES, Changes, Ledger
from resonanz_streams.net_states import NEVER, States, alone

Operation = tuple[int, str, int, int]
"""Key, + or −, time, weight."""


def plus(at: int, *, key: int = 7, weight: int = 1) -> Operation:
    return (key, "+", at, weight)


def minus(at: int, *, key: int = 7) -> Operation:
    return (key, "-", at, 0)


def take(ledger: Ledger, *operations: Operation) -> tuple[Changes, list[bool]]:
    keys = np.array([operation[0] for operation in operations], dtype=np.uint64)
    removal = np.array([operation[1] == "-" for operation in operations])
    at_ms = np.array([operation[2] for operation in operations], dtype=np.int64)
    weights = np.array([operation[3] for operation in operations], dtype=np.int64)
    changes, news = ledger.apply(keys, alone(at_ms, removal, weights))
    return changes, news.tolist()


def ledger_with(*operations: Operation, max_bytes: int = 2**20) -> Ledger:
    ledger = Ledger(max_bytes)
    if operations:
        take(ledger, *operations)
    return ledger


def state(ledger: Ledger, key: int = 7) -> tuple[int | None, int, int | None, bool]:
    """Newest addition and its weight, newest removal, and whether the key counts."""
    found = ledger._look_up(np.array([key], dtype=np.uint64))
    added, weight, removed = int(found.added[0]), int(found.weight[0]), int(found.removed[0])
    return (
        None if added == NEVER else added,
        weight,
        None if removed == NEVER else removed,
        bool(found.counts[0]),
    )


def test_an_addition_counts_at_its_time() -> None:
    assert state(ledger_with(plus(100))) == (100, 1, None, True)


def test_like_unlike_like_is_one_like_at_the_time_of_the_second() -> None:
    """
    ::

        100   200   300
         +     −     +        counts, at 300
    """
    assert state(ledger_with(plus(100), minus(200), plus(300))) == (300, 1, 200, True)


@pytest.mark.parametrize("order", list(itertools.permutations([plus(100), minus(200), plus(300)])))
def test_the_order_of_delivery_does_not_matter(order: tuple[Operation, ...]) -> None:
    one_by_one = Ledger(2**20)
    for operation in order:
        take(one_by_one, operation)
    assert state(one_by_one) == state(ledger_with(*order)) == (300, 1, 200, True)


def test_a_removal_that_comes_first_still_removes() -> None:
    ledger = ledger_with(minus(200))
    assert state(ledger) == (None, 0, 200, False)
    changes, news = take(ledger, plus(100))
    assert state(ledger) == (100, 1, 200, False)
    assert news == [True]
    assert changes.after.counts.tolist() == [False]


def test_a_removal_of_the_same_millisecond_comes_after_the_addition() -> None:
    assert state(ledger_with(minus(100), plus(100))) == (100, 1, 100, False)
    assert state(ledger_with(plus(100), minus(100), plus(101))) == (101, 1, 100, True)


def test_an_older_addition_changes_nothing() -> None:
    ledger = ledger_with(plus(300))
    changes, news = take(ledger, plus(100))
    assert news == [False]
    assert len(changes.keys) == 0
    assert state(ledger) == (300, 1, None, True)


def test_a_duplicate_is_no_news_in_a_later_batch_nor_in_the_same() -> None:
    ledger = Ledger(2**20)
    assert take(ledger, plus(100), plus(100))[1] == [True, False]
    assert take(ledger, plus(100))[1] == [False]
    assert take(ledger, minus(200), minus(200), minus(150))[1] == [True, False, False]


def test_of_two_weights_of_the_same_millisecond_the_larger_stays_in_any_order() -> None:
    assert state(ledger_with(plus(100, weight=5), plus(100, weight=3))) == (100, 5, None, True)
    for weights in ((3, 5), (5, 3)):
        ledger = Ledger(2**20)
        for weight in weights:
            take(ledger, plus(100, weight=weight))
        assert state(ledger) == (100, 5, None, True)
    assert state(ledger_with(plus(100, weight=-4), plus(100, weight=-2))) == (100, -2, None, True)


def test_a_newer_addition_brings_its_own_weight_even_a_smaller_one() -> None:
    assert state(ledger_with(plus(100, weight=50), plus(200, weight=-3))) == (200, -3, None, True)


def test_a_change_says_what_was_and_what_is() -> None:
    """
    ::

        key 7:  +100 (weight 2)   then  −150
        key 8:                    then  +160
        key 9:  +100              then  +90, which is older: no change
    """
    ledger = ledger_with(plus(100, weight=2), plus(100, key=9))
    changes, news = take(ledger, plus(160, key=8), minus(150), plus(90, key=9))
    assert changes.keys.tolist() == [7, 8]
    assert changes.first.tolist() == [1, 0]
    assert changes.before.added.tolist() == [100, NEVER]
    assert changes.before.counts.tolist() == [True, False]
    assert changes.after.added.tolist() == [100, 160]
    assert changes.after.removed.tolist() == [150, NEVER]
    assert changes.after.weight.tolist() == [2, 1]
    assert changes.after.counts.tolist() == [False, True]
    assert news == [True, True, False]


def test_keys_are_found_whatever_segment_they_stand_in() -> None:
    """Batches of falling and rising sizes, so that some segments are merged and some are not."""
    ledger = Ledger(2**24)
    rng = random.Random(1)
    expected: dict[int, int] = {}
    for size in (5000, 1, 300, 20, 20, 1, 1, 4000, 2, 9000, 1):
        batch = [(rng.randrange(2**64), rng.randrange(1000)) for _ in range(size)]
        batch += [(key, rng.randrange(1000)) for key in rng.sample(sorted(expected), min(len(expected), 50))]
        for key, at in batch:
            expected[key] = max(at, expected.get(key, -1))
        take(ledger, *[plus(at, key=key) for key, at in batch])
    found = ledger._look_up(np.array(list(expected), dtype=np.uint64))
    assert found.added.tolist() == list(expected.values())


def test_the_largest_and_the_smallest_hash_are_keys_as_others() -> None:
    ledger = ledger_with(plus(1, key=0), plus(2, key=2**64 - 1), plus(3, key=2**63))
    assert [state(ledger, key)[0] for key in (0, 2**63, 2**64 - 1, 5)] == [1, 3, 2, None]


def fill(ledger: Ledger, keys: range, *, at: int) -> None:
    """One addition of each key, all at the same time."""
    many = np.arange(keys.start, keys.stop)
    ledger.apply(many.astype(np.uint64), alone(np.full_like(many, at), many < 0, np.ones_like(many)))


def test_a_long_merge_is_handed_out_as_a_job_and_the_ledger_is_used_meanwhile() -> None:
    ledger = Ledger(2**30)
    fill(ledger, range(100_000), at=10)
    fill(ledger, range(100_000, 190_000), at=20)
    job = ledger.merge_job()
    assert job is not None
    assert ledger.merge_job() is None, "one at a time"
    fill(ledger, range(99_990, 100_010), at=30)
    install = job()
    fill(ledger, range(5), at=40)
    install()
    assert len(ledger) == 190_000 + 20 + 5
    assert [state(ledger, key)[0] for key in (0, 5, 99_989, 99_990, 100_009, 100_010, 189_999)] == [
        40, 10, 10, 30, 30, 20, 20
    ]  # fmt: skip
    assert ledger.merge_job() is None


def test_what_comes_during_a_long_merge_is_not_merged_into_its_parts() -> None:
    """It is small enough to be merged at once with the last part, which the job is about to replace."""
    ledger = Ledger(2**30)
    fill(ledger, range(100_000), at=10)
    fill(ledger, range(100_000, 180_000), at=20)
    job = ledger.merge_job()
    assert job is not None
    install = job()
    fill(ledger, range(200_000, 245_000), at=30)
    install()
    assert len(ledger) == 225_000
    assert [state(ledger, key)[0] for key in (0, 179_999, 200_000, 244_999)] == [10, 20, 30, 30]


def test_segments_stay_few_however_much_comes_between_two_jobs() -> None:
    """Each is searched for every batch: with 80 of them a batch took ten times as long."""
    ledger = Ledger(2**30)
    for batch in range(5):
        for part in range(4):
            start = (4 * batch + part) * 90_000
            fill(ledger, range(start, start + 90_000), at=batch)
        job = ledger.merge_job()
        assert job is not None
        job()()
    assert len(ledger) == 1_800_000
    assert len(ledger._segments) <= 2


def test_what_is_older_than_the_floor_leaves_with_the_next_merge() -> None:
    ledger = ledger_with(plus(100, key=1), plus(200, key=2), minus(300, key=1))
    ledger.forget(250)
    assert ledger.floor_ms == 250
    take(ledger, plus(400, key=3), plus(400, key=4), plus(400, key=5))
    assert len(ledger) == 4, "key 1 was touched at 300, key 2 is gone"
    assert state(ledger, 1) == (100, 1, 300, False)
    assert state(ledger, 2) == (None, 0, None, False)


def test_the_floor_never_goes_down() -> None:
    ledger = Ledger(2**20)
    ledger.forget(250)
    ledger.forget(100)
    assert ledger.floor_ms == 250


def test_at_the_cap_the_oldest_tenth_leaves_and_the_cut_says_from_when_on_it_knows() -> None:
    """2,048 entries are allowed; 3,000 come, one a millisecond: about nine tenths of 2,048 stay."""
    ledger = Ledger(2048 * BARE_BYTES)
    take(ledger, *[plus(at, key=at) for at in range(3000)])
    ledger.forget(NEVER)
    assert len(ledger) == 1843
    assert ledger.cut_ms == ledger.floor_ms == 1157
    assert state(ledger, ledger.cut_ms - 1)[0] is None
    assert state(ledger, ledger.cut_ms)[0] == ledger.cut_ms


def test_below_the_cap_nothing_is_cut() -> None:
    ledger = Ledger(2048 * BARE_BYTES)
    take(ledger, *[plus(at, key=at) for at in range(2048)])
    ledger.forget(NEVER)
    assert len(ledger) == 2048
    assert ledger.cut_ms == NEVER


def test_a_large_ledger_over_its_cap_is_cut_by_a_job() -> None:
    ledger = Ledger(150_000 * BARE_BYTES)
    take(ledger, *[plus(at, key=at) for at in range(200_000)])
    ledger.forget(NEVER)
    assert len(ledger) == 200_000, "cut in the job, not on the event loop"
    job = ledger.merge_job()
    assert job is not None
    job()()
    assert 130_000 < len(ledger) <= 136_000
    assert len(ledger) == 200_000 - ledger.cut_ms


def test_entries_of_one_time_that_fill_the_cap_leave_together() -> None:
    """There is no cut between them: all go rather than a part that nobody could name."""
    ledger = Ledger(1024 * BARE_BYTES)
    take(ledger, *[plus(5, key=key) for key in range(2000)])
    ledger.forget(NEVER)
    assert len(ledger) == 0
    assert ledger.cut_ms == 6


def test_a_ledger_begins_with_what_it_is_given() -> None:
    ledger = Ledger(2**20)
    keys = np.array([3, 9], dtype=np.uint64)
    ledger.load(keys, States(np.array([10, NEVER]), np.array([2, 0]), np.array([NEVER, 20])))
    assert state(ledger, 3) == (10, 2, None, True)
    assert state(ledger, 9) == (None, 0, 20, False)
    assert len(ledger) == 2
