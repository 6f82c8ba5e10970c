"""Who answered whom, when, and how deep."""

import numpy as np
from tests.nets import ago, answer, comment, like, net_of_events, removed

from resonanz_streams.net.talk import MISSING, NEVER, TOP, _roots, talk


def test_parents_depths_and_answers() -> None:
    #  place: 0  a          TOP      1    answered 8 h ago by the first of two
    #         1  r → a      0        2    ours
    #         2  s → a      0        2    ours
    #         3  b → r      1        3    nobody answered
    #         4  c → ?      MISSING  2
    said = talk(
        net_of_events(
            [comment("a", 9), answer("s", 7, "a"), answer("r", 8, "a"), comment("b", 6, parent="r"),
             like("l", 9), comment("c", 5, parent="unknown")]
        )
    )  # fmt: skip
    assert said.parent.tolist() == [TOP, 0, 0, 1, MISSING]
    assert said.depth.tolist() == [1, 2, 2, 3, 2]
    assert said.own.tolist() == [False, True, True, False, False]
    assert said.asked.tolist() == [True, False, False, True, True]
    assert said.answered_ms.tolist() == [ago(8), NEVER, NEVER, NEVER, NEVER]


def test_a_removed_comment_stays_and_asks_nothing() -> None:
    gone = comment("a", 9)
    said = talk(net_of_events([gone, removed(gone, 8), comment("b", 7, parent="a")]))
    assert said.stands.tolist() == [False, True]
    assert said.asked.tolist() == [False, True]
    assert said.depth.tolist() == [1, 2]


def test_circles_have_no_depth_and_each_of_them_is_its_own_thread() -> None:
    told = {"thread": None, "object": None}
    said = talk(
        net_of_events([
            comment("a", 9, parent="b", **told), comment("b", 8, parent="a", **told),
            comment("c", 7, parent="b", **told), comment("d", 6, parent="d", **told),
            comment("e", 5, **told), comment("f", 4, parent="e", **told),
        ])
    )  # fmt: skip
    assert said.depth.tolist() == [0, 0, 0, 0, 1, 2]
    assert len(set(said.threads.tolist())) == 5
    assert said.threads[4] == said.threads[5]


def test_a_chain_of_a_hundred_thousand_is_walked_in_leaps() -> None:
    """By steps of one it would take half an hour."""
    root, depth = _roots(np.arange(-1, 99_999))
    assert (root == 0).all()
    assert depth.tolist() == list(range(1, 100_001))


def test_without_comments() -> None:
    said = talk(net_of_events([like("l", 3)]))
    assert said.depth.tolist() == said.parent.tolist() == []
