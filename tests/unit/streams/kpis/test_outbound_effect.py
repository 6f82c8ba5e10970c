"""Interactions per own comment elsewhere / interactions per own post, within 72 h."""

from typing import Any

import pytest
from scipy import stats
from tests.inputs import inputs_of
from tests.nets import HOUR, Figure, ago, comment, figures, like, net_of_events, post, removed

from resonanz_streams.kpis.outbound_effect import KPI

NULL = Figure(None, None, None, None, None, "")


def parts(*events: dict[str, Any], coverage: float = 1.0, window: str = "24h") -> dict[str | None, Figure]:
    inputs = inputs_of([(0, 0, 0, 0)], net=net_of_events(events), coverage=[coverage])
    return figures(KPI, inputs, window)


def away(name: str, hours: float, **more: Any) -> dict[str, Any]:
    """An own comment elsewhere."""
    return post(name, hours, venue="elsewhere", **more)


def likes(name: str, count: int, hours: float = 2) -> list[dict[str, Any]]:
    return [like(f"{name}-{n}", hours, object=name) for n in range(count)]


def test_twelve_on_three_comments_beside_four_on_two_posts() -> None:
    """12 / 3 = 4 beside 4 / 2 = 2: twice as much; of 16 interactions 12 are elsewhere, so Clopper and Pearson
    give the share, and its odds, times 2 / 3, the ratio."""
    found = parts(
        *(away(f"f{n}", 9) for n in range(3)), *likes("f0", 5), *likes("f1", 7),
        post("p", 9), post("q", 9), *likes("p", 4),
    )  # fmt: skip
    share = stats.binomtest(12, 16).proportion_ci(method="exact")
    whole = found[None]
    assert (whole.value, whole.numerator, whole.denominator, whole.reason) == (2.0, 4.0, 2.0, "")
    assert whole.lo == pytest.approx(share.low / (1 - share.low) * 2 / 3, rel=1e-12)
    assert whole.hi == pytest.approx(share.high / (1 - share.high) * 2 / 3, rel=1e-12)
    elsewhere = found["elsewhere"]
    assert (elsewhere.value, elsewhere.numerator, elsewhere.denominator) == (4.0, 12.0, 3.0)
    assert elsewhere.lo == pytest.approx(6.2006 / 3, abs=1e-4)
    assert elsewhere.hi == pytest.approx(20.9616 / 3, abs=1e-4)
    assert (found["own"].value, found["own"].numerator, found["own"].denominator) == (2.0, 4.0, 2.0)


def test_what_comes_within_72_hours_is_attributed() -> None:
    said = [
        away("f", 100), like("a", 28, object="f"), like("b", 28 - 1 / HOUR, object="f"),
        post("p", 90), like("c", 89), like("d", 10),
    ]  # fmt: skip
    found = parts(*said, window="7d")
    assert [found["elsewhere"].numerator, found["own"].numerator] == [1.0, 1.0]
    assert found[None].value == 1.0


def test_what_was_published_before_the_window_is_out() -> None:
    found = parts(away("f", 23), *likes("f", 2), away("g", 24), *likes("g", 9), post("p", 20), *likes("p", 1))
    assert (found["elsewhere"].denominator, found[None].value) == (1.0, 2.0)


def test_answers_below_a_comment_elsewhere_belong_to_it() -> None:
    said = comment("c", 4, object="f", thread=None, venue="elsewhere")
    assert parts(away("f", 5), said, post("p", 5), *likes("p", 1))["elsewhere"].numerator == 1.0


def test_nothing_on_comments_elsewhere_is_zero_with_an_upper_end() -> None:
    whole = parts(away("f", 5), post("p", 5), *likes("p", 3))[None]
    share = stats.binomtest(0, 3).proportion_ci(method="exact")
    assert (whole.value, whole.lo) == (0.0, 0.0)
    assert whole.hi == pytest.approx(share.high / (1 - share.high), rel=1e-12)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([away("f", 5), *likes("f", 1)], "no_posts"),
        ([post("p", 5), *likes("p", 1)], "no_comments_elsewhere"),
        ([away("f", 5), *likes("f", 1), post("p", 5)], "no_interactions"),
        ([away("f", 5), like("x", 2, object="f", count=-1), post("p", 5), *likes("p", 1)], "negative_count"),
        ([away("f", 5), *likes("f", 1), post("p", 5), like("x", 2, count=-1)], "negative_count"),
        ([], "no_posts"),
        ([away("f", 5), removed(away("f", 5), 1), post("p", 5), *likes("p", 1)], "no_comments_elsewhere"),
        ([away("f", 5), *likes("f", 1), post("p", 5), *likes("p", 1), removed(post("p", 5), 1)], "no_posts"),
    ],
)
def test_without_one_side_it_is_absent(said: list[dict[str, Any]], reason: str) -> None:
    assert parts(*said)[None] == NULL._replace(reason=reason)


def test_where_nobody_watched_nothing_is_missing() -> None:
    assert {figure.reason for figure in parts(coverage=0.0).values()} == {"not_covered"}
    assert parts(away("f", 5), post("p", 5), coverage=0.0)[None].reason == "not_covered"


def test_a_comment_told_twice_is_one() -> None:
    found = parts(
        away("1", 5, object="f"), away("2", 4, object="f"), *likes("f", 1), post("p", 5), *likes("p", 1)
    )
    assert (found["elsewhere"].denominator, found[None].value) == (1.0, 1.0)


def test_the_edge_of_the_window() -> None:
    found = parts(away("f", 0, at=ago(24)), away("g", 0, at=ago(24) + 1), post("p", 3), *likes("p", 1))
    assert found["elsewhere"].denominator == 1.0
