"""Step functions integrated over time."""

import numpy as np

from resonanz_streams.steps import LAST_MS, Steps

Segment = tuple[int, int, int]
"""Start, length, value."""


def steps_of(*accounts: list[Segment]) -> Steps:
    flat = np.array([segment for account in accounts for segment in account], dtype=np.int64).reshape(-1, 3)
    return Steps([len(account) for account in accounts], flat[:, 0], flat[:, 1], flat[:, 2])


def integrals(steps: Steps, *until: int) -> list[tuple[int, int]]:
    values, lengths = steps.integrals(np.array(until, dtype=np.int64))
    return list(zip(values.tolist(), lengths.tolist(), strict=True))


def test_the_integral_grows_inside_a_segment_and_rests_between_two() -> None:
    """
    ::

          10    20        40  45
           |  3  |         | 7 |
    """
    steps = steps_of([(10, 10, 3), (40, 5, 7)])
    assert integrals(steps, 10) == [(0, 0)]
    assert integrals(steps, 11) == [(3, 1)]
    assert integrals(steps, 20) == [(30, 10)]
    assert integrals(steps, 40) == [(30, 10)]
    assert integrals(steps, 42) == [(44, 12)]
    assert integrals(steps, 1000) == [(65, 15)]


def test_before_the_first_segment_there_is_nothing() -> None:
    assert integrals(steps_of([(10, 10, 3)]), 9) == [(0, 0)]
    assert integrals(steps_of([(10, 10, 3)]), -5) == [(0, 0)]


def test_accounts_do_not_reach_into_each_other() -> None:
    """Each is asked before, inside and after its own; the neighbours hold other values at those times."""
    steps = steps_of([(0, 100, 1)], [], [(50, 10, 1000)], [(0, 1, 7), (99, 1, 7)], [])
    assert integrals(steps, 0, 0, 0, 0, 0) == [(0, 0)] * 5
    assert integrals(steps, 55, 55, 55, 55, 55) == [(55, 55), (0, 0), (5000, 5), (7, 1), (0, 0)]
    assert integrals(steps, 100, 100, 100, 100, 100) == [(100, 100), (0, 0), (10_000, 10), (14, 2), (0, 0)]


def test_the_last_representable_time_is_still_its_own_account_s() -> None:
    steps = steps_of([(LAST_MS, 5, 2)], [(0, 5, 3)])
    assert integrals(steps, LAST_MS, 5) == [(0, 0), (15, 5)]


def test_a_time_beyond_the_last_one_reaches_no_other_account() -> None:
    steps = steps_of([], [(10, 5, 3)])
    assert integrals(steps, LAST_MS + 20, LAST_MS + 20) == [(0, 0), (15, 5)]


def test_sums_over_many_large_accounts_may_wrap_without_harm() -> None:
    """Two billion followers for a month each: eight of them are beyond 64 bits together."""
    month = 28 * 86_400_000
    steps = steps_of(*[[(0, month, 2**31 - 1)] for _ in range(20)])
    assert integrals(steps, *[month] * 20) == [(month * (2**31 - 1), month)] * 20


def test_no_accounts_and_no_segments() -> None:
    assert integrals(steps_of()) == []
    assert integrals(steps_of([], []), 5, 5) == [(0, 0), (0, 0)]
