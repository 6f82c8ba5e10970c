"""Interactions about the client's brand / those about any of its set."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.inputs import clients_with, inputs_of
from tests.nets import Figure, ago, comment, figures, like, net_of_events, removed, share

from resonanz_streams.kpis.base import Voice
from resonanz_streams.kpis.share_of_voice import KPI

SET = Voice("2026-1", "winter", ("sommer", "winter", "herbst"))


def voice(
    *events: dict[str, Any], brands: Voice | None = SET, coverage: float = 1.0
) -> dict[str | None, Figure]:
    clients = clients_with(1, voices=[brands])
    inputs = inputs_of([(0, 0, 0, 0)], net=net_of_events(events), clients=clients, coverage=[coverage])
    return figures(KPI, inputs)


def counts(found: dict[str | None, Figure]) -> dict[str | None, tuple[float | None, float | None]]:
    return {part: (figure.numerator, figure.denominator) for part, figure in found.items()}


def test_the_share_of_each_brand_and_of_what_was_said() -> None:
    found = voice(
        like("a", 3, topics=["winter"]), like("b", 3, topics=["winter"]), comment("c", 3, topics=["winter"]),
        comment("d", 3, topics=["sommer"]), share("e", 3, topics=["sommer"]), like("f", 3, topics=["bread"]),
        like("g", 3),
    )  # fmt: skip
    assert counts(found) == {
        None: (3.0, 5.0), "mentions": (1.0, 3.0),
        "brand:winter": (3.0, 5.0), "brand:sommer": (2.0, 5.0), "brand:herbst": (0.0, 5.0),
    }  # fmt: skip
    for part, (chosen, whole) in {None: (3, 5), "mentions": (1, 3), "brand:herbst": (0, 5)}.items():
        expected = stats.binomtest(chosen, whole).proportion_ci(method="wilson")
        assert found[part].value == chosen / whole
        assert [found[part].lo, found[part].hi] == pytest.approx([expected.low, expected.high], abs=1e-15)


def test_an_item_of_two_brands_is_half_of_each_whatever_else_it_is_about() -> None:
    found = voice(
        like("a", 3, topics=["winter", "sommer", "bread", "cakes"]), like("b", 3, topics=["winter", "bread"])
    )
    assert counts(found)[None] == counts(found)["brand:winter"] == (1.5, 2.0)
    assert counts(found)["brand:sommer"] == (0.5, 2.0)


def test_thirds_sum_to_whole_numbers() -> None:
    every = list(SET.brands)
    found = voice(*(like(str(number), 3, topics=every) for number in range(7)))
    assert {figure.denominator for part, figure in found.items() if part != "mentions"} == {7.0}
    assert found[None].value == pytest.approx(1 / 3, rel=1e-15)


def test_without_a_brand_set_it_is_absent() -> None:
    absent = Figure(None, None, None, None, None, "no_brands")
    assert voice(like("a", 3, topics=["winter"]), brands=None) == {None: absent, "mentions": absent}


def test_without_interactions_about_the_set_it_is_absent() -> None:
    found = voice(like("a", 3, topics=["bread"]), like("b", 3))
    assert set(found) == {None, "mentions", *(f"brand:{brand}" for brand in SET.brands)}
    assert {(figure.value, figure.reason) for figure in found.values()} == {(None, "no_interactions")}
    assert {figure.reason for figure in voice(coverage=0.0).values()} == {"not_covered"}
    assert voice(like("a", 3, topics=["winter"]))["mentions"].reason == "no_interactions"


def test_the_window_s_edge_own_people_and_removals() -> None:
    gone = like("g", 4, topics=["winter"])
    found = voice(
        like("e", 24, topics=["winter"]), like("o", 3, own=True, topics=["winter"]), gone, removed(gone, 3),
        like("i", 0, at=ago(24) + 1, topics=["sommer"]),
    )  # fmt: skip
    assert counts(found)[None] == (0.0, 1.0)


def test_what_is_negative_or_more_than_the_whole_is_no_share() -> None:
    found = voice(like("a", 3, count=3, topics=["winter"]), like("b", 3, count=-1, topics=["sommer"]))
    reasons = {part: figure.reason for part, figure in found.items()}
    assert reasons == {
        None: "negative_count", "mentions": "no_interactions", "brand:winter": "negative_count",
        "brand:sommer": "negative_count", "brand:herbst": "",
    }  # fmt: skip


def test_each_account_has_its_client_s_set() -> None:
    other = Voice("x", "herbst", ("herbst", "winter"))
    told = [like(f"{account}{brand}", 3, account=account, topics=[brand])
            for account in "abc" for brand in ("winter", "sommer", "herbst")]  # fmt: skip
    clients = clients_with(3, voices=[SET, None, other])
    inputs = inputs_of([(0, 0, 0, 0)] * 3, net=net_of_events(told, "abc"), clients=clients)
    values = [figures(KPI, inputs, row=row)[None].value for row in range(3)]
    assert values == [1 / 3, None, 0.5]
    rows = np.array([2, 0])
    assert clients.of(rows).voices == [other, SET]
