"""How deep people talk with each other."""

from typing import Any

import pytest
from tests.inputs import inputs_of
from tests.nets import Figure, ago, answer, comment, figures, net_of_events, removed

from resonanz_streams.kpis.conversation_depth import KPI

PARTS = (None, "max", "thread_max", "thread_mean")


def depths(*events: dict[str, Any], coverage: float = 1.0) -> dict[str | None, Figure]:
    return figures(KPI, inputs_of([(0, 0, 0, 0)], net=net_of_events(events), coverage=[coverage]))


def values(*events: dict[str, Any]) -> list[float | None]:
    found = depths(*events)
    return [found[part].value for part in PARTS]


def test_the_mean_the_deepest_and_those_of_threads() -> None:
    #  thread p:  a ── b ── c        1 2 3      deepest 3, mean 2
    #  thread q:  d ── e, f          1 2 1      deepest 2, mean 4/3
    found = depths(
        comment("a", 9), comment("b", 8, parent="a"), comment("c", 7, parent="b"),
        comment("d", 9, thread="q"), comment("e", 8, parent="d", thread="q"), comment("f", 7, thread="q"),
    )  # fmt: skip
    assert found[None] == Figure(10 / 6, None, None, 10.0, 6.0, "")
    assert found["max"] == Figure(3.0, None, None, 3.0, 1.0, "")
    assert found["thread_max"] == Figure(2.5, None, None, 5.0, 2.0, "")
    assert [found["thread_mean"].value, found["thread_mean"].denominator] == [pytest.approx(5 / 3), 2.0]


def test_own_comments_keep_their_place_and_are_not_counted() -> None:
    """1, (2), 3: our own answer makes no talk deep, an answer to it does."""
    assert values(comment("a", 9), answer("r", 8, "a")) == [1, 1, 1, 1]
    assert values(comment("a", 9), answer("r", 8, "a"), comment("b", 7, parent="r")) == [2, 3, 3, 2]


def test_own_people_who_answer_themselves_are_no_talk() -> None:
    assert depths(comment("o", 9, own=True), answer("r", 8, "o"))[None].reason == "no_comments"


def test_a_removed_comment_stays_as_a_tombstone() -> None:
    gone = comment("b", 8, parent="a")
    assert values(comment("a", 9), gone, comment("c", 7, parent="b"), removed(gone, 6)) == [2, 3, 3, 2]


def test_a_missing_parent_stands_at_the_top() -> None:
    assert values(comment("b", 8, parent="unknown"), comment("c", 7, parent="b")) == [2.5, 3, 3, 2.5]


def test_a_removal_alone_is_no_tombstone_but_a_missing_parent() -> None:
    assert values(removed(comment("a", 9), 8), comment("b", 7, parent="a")) == [2, 2, 2, 2]


def test_a_circle_has_no_depth_nor_has_what_hangs_on_it() -> None:
    circle = [comment("a", 9, parent="c"), comment("b", 8, parent="a"), comment("c", 7, parent="b")]
    assert depths(*circle, comment("d", 6, parent="c"))[None].reason == "no_comments"
    assert values(*circle, comment("d", 6, parent="c"), comment("e", 5)) == [1, 1, 1, 1]
    assert depths(comment("a", 9, parent="a"))[None].reason == "no_comments"


def test_an_answer_that_came_before_its_parent_is_as_deep() -> None:
    assert values(comment("c", 9, parent="b"), comment("b", 8, parent="a"), comment("a", 7)) == [2, 3, 3, 2]


def test_what_answers_the_post_itself_is_at_the_top() -> None:
    assert values(comment("a", 9, parent="p")) == [1, 1, 1, 1]


@pytest.mark.parametrize("length", [1, 2, 3, 31, 32, 33, 100])
def test_a_long_chain(length: int) -> None:
    chain = [comment("0", 9), *(comment(str(n), 8, parent=str(n - 1)) for n in range(1, length))]
    assert depths(*chain)["max"].value == length


def test_the_window_s_edge_leaves_a_parent_in_its_place() -> None:
    found = depths(comment("a", 24), comment("b", 0, at=ago(24) + 1, parent="a"))
    assert [found[None].value, found[None].denominator] == [2.0, 1.0]


def test_comments_of_an_untold_thread_are_of_their_tree() -> None:
    alone = {"thread": None, "object": None}
    found = depths(comment("a", 9, **alone), comment("b", 8, parent="a", **alone), comment("c", 7, **alone))
    assert [found["thread_max"].value, found["thread_max"].denominator] == [1.5, 2.0]


def test_the_same_thread_of_two_accounts_is_two() -> None:
    events = [comment("a", 9), comment("b", 8, parent="a"), comment("a", 9, account="b")]
    inputs = inputs_of([(0, 0, 0, 0)] * 2, net=net_of_events(events, "ab"))
    assert [figures(KPI, inputs, row=row)["thread_max"].value for row in (0, 1)] == [2.0, 1.0]


def test_without_comments_it_is_absent() -> None:
    assert depths() == dict.fromkeys(PARTS, Figure(None, None, None, None, None, "no_comments"))
    assert depths(coverage=0.0)["max"].reason == "not_covered"
