"""The own posts, and what is on them."""

from tests.nets import ago, comment, like, net_of_events, post, removed

from resonanz_streams.net.posts import posts


def test_which_interaction_is_on_which_post() -> None:
    #  rows: 0 p   1 q   2 l→p   3 m→q   4 n→?   5 c in p's thread
    table = net_of_events(
        [post("p", 9), post("q", 8), like("l", 7), like("m", 6, object="q"), like("n", 5, object="z"),
         comment("c", 4, object="b")]
    )  # fmt: skip
    own = posts(table)
    assert own.rows.tolist() == [0, 1]
    assert own.at_ms.tolist() == [ago(9), ago(8)]
    assert dict(zip(own.interactions.tolist(), own.of.tolist(), strict=True)) == {2: 0, 3: 1, 5: 0}


def test_a_comment_is_on_its_object_before_its_thread() -> None:
    table = net_of_events([post("p", 9), post("q", 8), comment("c", 4, object="q", thread="p")])
    assert posts(table).of.tolist() == [1]


def test_one_post_told_twice_is_published_when_the_earlier_record_says() -> None:
    own = posts(net_of_events([post("2", 7, object="p"), post("1", 9, object="p")]))
    assert own.at_ms.tolist() == [ago(9)]


def test_the_same_object_of_two_accounts() -> None:
    events = [post("p", 9), post("p", 8, account="b"), like("l", 7, account="b"), like("l", 6)]
    own = posts(net_of_events(events, "ab"))
    assert own.accounts.tolist() == [0, 1]
    assert dict(zip(own.interactions.tolist(), own.of.tolist(), strict=True)) == {2: 1, 3: 0}


def test_own_comments_elsewhere_and_removed_posts_are_no_posts() -> None:
    table = net_of_events(
        [post("p", 9, venue="elsewhere"), post("q", 8), removed(post("q", 8), 7), like("l", 6)]
    )
    own = posts(table)
    assert (own.rows.tolist(), own.interactions.tolist()) == ([], [])
