"""Flagged comments / all comments."""

from typing import Any

import pytest
from scipy import stats
from tests.inputs import clients_with, inputs_of
from tests.nets import Figure, ago, comment, figures, like, net_of_events, removed, share

from resonanz_streams.kpis.suspicion_share import KPI
from resonanz_streams.net.suspects import Burst


def shares(
    *events: dict[str, Any], coverage: float = 1.0, burst: Burst | None = None
) -> dict[str | None, Figure]:
    clients = clients_with(1, burst=burst)
    inputs = inputs_of([(0, 0, 0, 0)], net=net_of_events(events), coverage=[coverage], clients=clients)
    return figures(KPI, inputs)


def test_flagged_comments_and_flagged_interactions() -> None:
    found = shares(
        comment("a", 3, flags=["bot", "spam"]), comment("b", 3), comment("c", 3), comment("d", 3),
        like("e", 3, flags=["burst"]), share("f", 3),
    )  # fmt: skip
    assert (found[None].value, found[None].numerator, found[None].denominator) == (0.25, 1.0, 4.0)
    assert (found["interactions"].numerator, found["interactions"].denominator) == (2.0, 6.0)
    expected = stats.binomtest(1, 4).proportion_ci(method="wilson")
    assert [found[None].lo, found[None].hi] == [pytest.approx(expected.low), pytest.approx(expected.high)]


def test_the_window_s_edge_own_people_and_removals() -> None:
    bad: dict[str, Any] = {"flags": ["bot"]}
    gone = comment("g", 4, **bad)
    found = shares(
        comment("e", 24, **bad), comment("o", 3, own=True, **bad), gone, removed(gone, 3), comment("h", 3),
        comment("i", 0, at=ago(24) + 1, **bad),
    )  # fmt: skip
    assert (found[None].numerator, found[None].denominator) == (1.0, 2.0)


def test_the_newest_addition_says_whether_it_is_flagged() -> None:
    once = comment("a", 4, flags=["bot"])
    again = comment("a", 2)
    assert shares(again, removed(once, 3), once)[None].value == 0.0


def test_each_part_says_what_it_misses() -> None:
    found = shares()
    assert found[None] == Figure(None, None, None, None, None, "no_comments")
    assert found["interactions"].reason == "no_interactions"
    assert shares(like("a", 3))["interactions"].value == 0.0
    assert [figure.reason for figure in shares(coverage=0.0).values()] == ["not_covered"] * 2


def test_a_total_that_fell_leaves_no_share() -> None:
    found = shares(comment("a", 3, count=-1, flags=["bot"]), comment("b", 3, count=4))
    assert found[None].reason == "negative_count"


def test_each_signal_that_occurs_has_its_share_of_all_interactions() -> None:
    """Of six; what has two signals is in both, and one that is no signal is in none."""
    found = shares(
        comment("a", 3, flags=["bot", "spam"]), comment("b", 3, flags=["raffle"]),
        like("c", 3, flags=["bot"]),
        *(like(f"l{n}", 3, actor="ann", object=f"p{n}") for n in range(3)),
        burst=Burst(2, 60_000),
    )  # fmt: skip
    assert {part: (figure.numerator, figure.denominator) for part, figure in found.items()} == {
        None: (1.0, 2.0),
        "interactions": (5.0, 6.0),
        "signal:bot": (2.0, 6.0),
        "signal:spam": (1.0, 6.0),
        "signal:burst": (3.0, 6.0),
    }
    expected = stats.binomtest(3, 6).proportion_ci(method="wilson")
    assert found["signal:burst"].value == 0.5
    assert found["signal:burst"].lo == pytest.approx(expected.low)


def test_a_burst_that_began_before_the_window_is_one_in_it() -> None:
    events = [like(f"l{n}", 24, at=ago(24) + n - 1, actor="ann", object=f"p{n}") for n in range(3)]
    found = shares(*events, burst=Burst(2, 60_000))
    assert (found["signal:burst"].numerator, found["signal:burst"].denominator) == (1.0, 1.0)


def test_signals_of_another_account_are_its_own() -> None:
    both = inputs_of(
        [(0, 0, 0, 0)] * 2,
        net=net_of_events([like("a", 3), like("x", 3, account="b", flags=["bot"])], ("a", "b")),
    )
    assert set(figures(KPI, both, row=0)) == {None, "interactions"}
    assert set(figures(KPI, both, row=1)) == {None, "interactions", "signal:bot"}
