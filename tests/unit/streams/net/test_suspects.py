"""What looks like a bot, spam or a burst, and what is left out by hand."""

from typing import Any

import numpy as np
import pytest
from tests.inputs import NOW_MS
from tests.nets import HOUR, ago, comment, like, net_of_events, post, removed, share

from resonanz_streams.events import SIGNALS
from resonanz_streams.identity import hashes
from resonanz_streams.net.suspects import Burst, Pattern, Screening, authentic, left_out, signals

Event = dict[str, Any]
FIRST_MS = ago(5)
EVER = (0, 2**62)


def screening(burst: Burst | None = None, *patterns: Pattern, accounts: int = 1) -> Screening:
    return Screening([burst or Burst()] * accounts, [patterns] + [()] * (accounts - 1))


def told(*events: Event, burst: Burst | None = None) -> list[set[str]]:
    """The signals of each row, in order of time."""
    found = signals(net_of_events(events), screening(burst)).tolist()
    return [{name for bit, name in enumerate(SIGNALS) if each >> bit & 1} for each in found]


def series(many: int, apart_ms: int, **more: Any) -> list[Event]:
    """Likes of one person on as many posts."""
    return [
        like(f"l{n}", 0, at=FIRST_MS + n * apart_ms, **({"actor": "ann", "object": f"p{n}"} | more))
        for n in range(many)
    ]


def bursting(*events: Event, burst: Burst | None = None) -> list[bool]:
    return ["burst" in each for each in told(*events, burst=burst)]


def test_each_flag_of_the_contract_is_a_signal_and_others_are_none() -> None:
    found = told(
        like("a", 5, flags=["bot"]), comment("b", 4, flags=["spam", "new_account"]), share("c", 3),
        comment("d", 2, flags=["near_duplicate", "from_a_raffle"]), like("e", 1, flags=["verified"]),
    )  # fmt: skip
    assert found == [{"bot"}, {"spam", "new_account"}, set(), {"near_duplicate"}, set()]


def test_own_people_posts_and_what_was_taken_back_are_not_suspected() -> None:
    bad: Event = {"flags": ["bot"]}
    gone = comment("c", 4, **bad)
    assert told(post("p", 5), gone, removed(gone, 3), comment("o", 2, own=True, **bad)) == [set()] * 3


def test_more_than_twenty_in_a_minute_are_a_burst_all_of_them() -> None:
    """21 in 59.999 s; one of the day before and one an hour later belong to no burst."""
    lone = [like("x", 24, actor="ann", object="x"), like("y", 4, actor="ann", object="y")]
    assert bursting(*series(20, 1_000)) == [False] * 20
    assert bursting(lone[0], *series(21, 1_000), lone[1]) == [False, *[True] * 21, False]


def test_a_burst_s_minute_does_not_hold_its_end() -> None:
    """Twenty at once and one a minute later are no burst, a millisecond sooner they are."""
    at_once = series(20, 0)
    assert bursting(*at_once, like("z", 0, at=FIRST_MS + 60_000, actor="ann")) == [False] * 21
    assert bursting(*at_once, like("z", 0, at=FIRST_MS + 59_999, actor="ann")) == [True] * 21


def test_a_long_burst_is_one() -> None:
    """40 likes, 2 s apart: each minute holds 30 of them."""
    assert bursting(*series(40, 2_000)) == [True] * 40
    assert bursting(*series(40, 3_000)) == [False] * 40


def test_kinds_count_together_and_people_and_accounts_apart() -> None:
    few = Burst(2, 60_000)
    mixed = [
        like("a", 5, actor="ann"), comment("b", 5, actor="ann"), share("c", 5, actor="ann"),
        like("d", 5, actor="bob"), like("e", 5, actor="bob", object="q"),
    ]  # fmt: skip
    assert sorted(bursting(*mixed, burst=few)) == [False, False, True, True, True]
    elsewhere = [one | {"account": "b"} for one in series(2, 0)]
    both = net_of_events([*series(2, 0), *elsewhere], ("a", "b"))
    assert not signals(both, screening(few, accounts=2)).any()


def test_the_nameless_totals_own_people_and_what_was_taken_back_make_no_burst() -> None:
    few = Burst(2, 60_000)
    nameless = [comment(f"c{n}", 5, actor=None) for n in range(3)]
    totals = series(3, 0, count=9)
    own = series(3, 0, own=True)
    third = series(3, 0)[2]
    for events in (nameless, totals, own, [*series(3, 0), removed(third, 1)]):
        assert not any(bursting(*events, burst=few))


def test_each_account_has_its_own_idea_of_a_burst() -> None:
    events = [*series(3, 0), *(one | {"account": "b"} for one in series(3, 0))]
    table = net_of_events(events, ("a", "b"))
    found = signals(table, Screening([Burst(2, 60_000), Burst(3, 60_000)], [(), ()])) > 0
    assert table.accounts[found].tolist() == [0, 0, 0]


# -- exclusions ----------------------------------------------------------------------------------------


def excluded(*patterns: Pattern, events: list[Event]) -> list[int]:
    """How long ago what is left out was, in hours."""
    table = net_of_events(events, ("a", "b"))
    out = left_out(table, Screening([Burst()] * 2, [patterns, ()]))
    return [(NOW_MS - at) // HOUR for at in table.at_ms[out].tolist()]


EVENTS = [
    like("ann", 5),
    comment("bob", 4, flags=["raffle"]),
    share("cem", 3),
    like("ann", 3, object="q", flags=["raffle"]),
    like("dia", 2),
    like("eli", 3, account="b"),
]


def test_an_exclusion_holds_its_beginning_and_not_its_end() -> None:
    assert excluded(Pattern(ago(4), ago(2)), events=EVENTS) == [4, 3, 3]
    assert excluded(Pattern(ago(4) + 1, ago(2) + 1), events=EVENTS) == [3, 3, 2]


def test_by_actors_by_flags_and_by_both() -> None:
    people = np.sort(hashes(["ann", "cem"]))
    assert excluded(Pattern(*EVER, people), events=EVENTS) == [5, 3, 3]
    assert excluded(Pattern(*EVER, None, frozenset({"raffle", "x"})), events=EVENTS) == [4, 3]
    assert excluded(Pattern(*EVER, people, frozenset({"raffle"})), events=EVENTS) == [3]


def test_several_exclusions_leave_out_what_any_of_them_does() -> None:
    patterns = Pattern(ago(5), ago(4)), Pattern(ago(5), ago(3))
    assert excluded(*patterns, events=EVENTS) == [5, 4]


def test_one_that_covers_everything_leaves_out_all_of_its_account_alone() -> None:
    assert excluded(Pattern(*EVER), events=EVENTS) == [5, 4, 3, 3, 2]


def test_posts_and_own_people_are_never_left_out() -> None:
    assert excluded(Pattern(*EVER), events=[post("p", 5), comment("o", 4, own=True)]) == []


@pytest.mark.parametrize("interval", [(ago(1), ago(0)), (0, ago(30 * 24)), (ago(2) + 1, 2**62)])
def test_an_interval_in_which_nothing_happened_leaves_out_nothing(interval: tuple[int, int]) -> None:
    assert excluded(Pattern(*interval), events=EVENTS) == []


def test_in_the_authentic_table_a_comment_stays_as_if_it_were_removed() -> None:
    table = net_of_events([comment("c", 5, flags=["spam"]), comment("d", 4, parent="c")])
    bare = authentic(table, screening())
    assert (bare.stands.tolist(), bare.interactions.tolist()) == ([False, True], [False, True])
    assert table.stands.tolist() == [True, True]
