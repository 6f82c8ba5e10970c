"""Different people of the target list who interacted / size of the list."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.inputs import clients_with, inputs_of
from tests.nets import Figure, ago, comment, figures, like, net_of_events, removed, share

from resonanz_streams.kpis.target_coverage import KPI


def reached(*events: dict[str, Any], targets: list[str], coverage: float = 1.0) -> Figure:
    inputs = inputs_of(
        [(0, 0, 0, 0)],
        net=net_of_events(events),
        clients=clients_with(1, targets=[targets]),
        coverage=[coverage],
    )
    return figures(KPI, inputs)[None]


def test_each_person_counts_once_however_often_and_how() -> None:
    found = reached(
        like("1", 3, actor="ann"), comment("2", 3, actor="ann"),
        share("3", 3, actor="bob"), like("4", 3, actor="zoe"),
        targets=["ann", "bob", "cid", "dan", "eve"],
    )  # fmt: skip
    assert (found.value, found.numerator, found.denominator, found.reason) == (0.4, 2.0, 5.0, "")


def test_the_interval_is_wilson_s() -> None:
    found = reached(like("ann", 3), like("bob", 3), targets=["ann", "bob", "cid", "dan", "eve"])
    expected = stats.binomtest(2, 5).proportion_ci(method="wilson")
    assert [found.lo, found.hi] == [pytest.approx(expected.low), pytest.approx(expected.high)]


def test_everybody_and_nobody() -> None:
    found = reached(like("ann", 3), targets=["ann"])
    assert (found.value, found.hi) == (1.0, 1.0)
    found = reached(like("zoe", 3), targets=["ann"])
    assert (found.value, found.lo) == (0.0, 0.0)


def test_the_window_s_edge() -> None:
    assert reached(like("ann", 24), targets=["ann"]).value == 0.0
    assert reached(like("ann", 0, at=ago(24) + 1), targets=["ann"]).value == 1.0
    assert reached(like("ann", 0), targets=["ann"]).value == 1.0
    assert reached(like("ann", -0.1), targets=["ann"]).value == 0.0


def test_own_people_what_was_removed_the_nameless_and_the_fall_of_a_total_reach_nobody() -> None:
    gone = like("bob", 4)
    found = reached(
        like("ann", 3, own=True), gone, removed(gone, 2), like("1", 3, actor=None),
        comment("cid", 3, count=-1),
        targets=["ann", "bob", "cid"],
    )  # fmt: skip
    assert found.value == 0.0


def test_who_took_a_like_back_and_gave_it_again_is_reached() -> None:
    found = reached(like("ann", 2), removed(like("ann", 4), 3), like("ann", 4), targets=["ann"])
    assert found.value == 1.0


def test_whom_the_list_names_twice_is_one() -> None:
    found = reached(like("ann", 3), targets=["ann", "bob", "ann", "bob", "ann"])
    assert (found.numerator, found.denominator) == (1.0, 2.0)


def test_without_a_list_it_is_absent() -> None:
    absent = Figure(None, None, None, None, None, "no_target_list")
    assert reached(like("ann", 3), targets=[]) == absent
    assert reached(like("ann", 3), targets=[], coverage=0.0) == absent


def test_where_nobody_watched_there_is_no_zero() -> None:
    assert reached(targets=["ann"], coverage=0.0) == Figure(None, None, None, None, None, "not_covered")
    assert reached(like("ann", 3), targets=["ann", "bob"], coverage=0.0).value == 0.5


def test_each_account_has_its_own_list() -> None:
    net = net_of_events([like("ann", 3), like("bob", 3, account="b"), like("ann", 3, account="b")], "ab")
    clients = clients_with(2, targets=[["ann"], ["ann", "bob", "cid"]])
    column = KPI.compute(inputs_of([(0, 0, 0, 0)] * 2, net=net, clients=clients), "24h")[0]
    np.testing.assert_array_equal(column.numerator, [1, 2])
    np.testing.assert_array_equal(column.denominator, [1, 3])
