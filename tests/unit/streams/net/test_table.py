"""What stands at an instant, as one table."""

import subprocess
import sys

import numpy as np
import pytest
from tests.inputs import NOW_MS
from tests.nets import answer, comment, like, net_of_events, post, removed, share

from resonanz_streams.net.table import COMMENT, LIKE, POST, SHARE, NetTable


def ages(table: NetTable) -> list[float]:
    """Hours ago, of every row."""
    return [(NOW_MS - at_ms) / 3_600_000 for at_ms in table.at_ms.tolist()]


def test_all_kinds_in_order_of_time() -> None:
    table = net_of_events([share("s", 1), like("l", 4), post("p", 5), comment("c", 2)])
    assert table.kinds.tolist() == [POST, LIKE, COMMENT, SHARE]
    assert ages(table) == [5, 4, 2, 1]
    assert (len(table), table.size, table.now_ms) == (4, 1, NOW_MS)


def test_of_what_was_removed_only_comments_stay() -> None:
    events = [post("p", 9), like("l", 8), comment("c", 7), share("s", 6)]
    table = net_of_events([*events, *(removed(event, 5) for event in events)])
    assert table.kinds.tolist() == [COMMENT]
    assert table.stands.tolist() == [False]
    assert table.interactions.tolist() == [False]


def test_a_removal_alone_leaves_nothing() -> None:
    assert len(net_of_events([removed(comment("c", 7), 5), removed(like("l", 7), 5)])) == 0


def test_the_newest_addition_is_what_stands_whatever_came_first() -> None:
    events = [like("l", 8, topics=["rye"]), removed(like("l", 8), 7), like("l", 6, topics=["spelt"])]
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1, 2, 1, 0]):
        table = net_of_events([events[place] for place in order])
        assert ages(table) == [6]
        assert table.facets[table.facet[0]].topics == ("spelt",)


def test_a_removal_of_the_same_millisecond_comes_after() -> None:
    assert len(net_of_events([removed(like("l", 5), 5), like("l", 5)])) == 0


def test_what_comes_after_now_and_accounts_of_nobody_are_left_out() -> None:
    table = net_of_events([like("l", -1), like("m", 1, account="z"), like("n", 0)])
    assert ages(table) == [0]


def test_what_is_older_than_it_begins_is_left_out_comments_too() -> None:
    """The longest window's oldest bucket begins up to an hour before its 28 days."""
    table = net_of_events([like("l", 28 * 24), comment("c", 28 * 24 + 1), like("m", 28 * 24 + 1)])
    assert ages(table) == [28 * 24]


def test_since_is_exclusive() -> None:
    table = net_of_events([like("l", 3), like("m", 2), like("n", 1)])
    start = NOW_MS - 2 * 3_600_000
    assert table.at_ms[table.since(start)].tolist() == table.at_ms[2:].tolist()
    assert len(table.at_ms[table.since(start - 1)]) == 2


def test_own_people_and_posts_are_own() -> None:
    table = net_of_events([post("p", 5), comment("c", 4), answer("r", 3, "c")])
    assert table.own.tolist() == [True, False, True]
    assert table.interactions.tolist() == [False, True, False]


def test_totals_weigh_what_they_count() -> None:
    table = net_of_events([like("l", 3, count=7), like("m", 2, count=-2), like("n", 2, account="b")], "ab")
    everything = table.since(0)
    assert table.totals(everything, table.interactions).tolist() == [5, 1]
    assert table.totals(everything, np.zeros(3, dtype=np.bool_)).tolist() == [0, 0]


def test_rows_of_equal_times_stand_by_key_however_they_came() -> None:
    events = [like(name, 3) for name in "abcdefgh"]
    assert net_of_events(events).keys.tolist() == sorted(net_of_events(events[::-1]).keys.tolist())


def test_what_is_asked_twice_is_made_once() -> None:
    table, made = net_of_events([like("l", 3)]), []

    def make(given: NetTable) -> int:
        made.append(given)
        return len(given)

    assert [table.once(make), table.once(make)] == [1, 1]
    assert made == [table]


@pytest.mark.parametrize("module", ["table", "talk", "posts", "people", "topics"])
def test_a_module_can_be_imported_first(module: str) -> None:
    """KPIs import these, so none of these may import a KPI."""
    code = f"import sys, resonanz_streams.net.{module}; print('resonanz_streams.kpis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "False\n")
