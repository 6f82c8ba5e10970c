"""A client's figures equal a naive recomputation from the events of its accounts, in any order."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import naive_kpis
from tests.groups import Figures, member, snapshots_of, together
from tests.inputs import NOW_MS, clients_with, inputs_of
from tests.naive_kpis import Number, Triple
from tests.nets import DAY, net_of_events
from tests.properties.test_net_kpis import ACCOUNTS, BEGIN_MS, PEOPLE, Event, logs, near

from resonanz_streams.aggregates.members import rest_of
from resonanz_streams.aggregates.sums import merge_of
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import WINDOWS_MS, Kpi, Voice
from resonanz_streams.net.actors import actors

DEEP = {kpi.id: kpi for kpi in KPIS if kpi.deep}
BRANDS = ("rye", "oat")
TARGETS = ("ann", "bob", "eve")


def of_client(log: Sequence[Event], followers: Sequence[float]) -> Figures:
    clients = clients_with(2, targets=[TARGETS] * 2, voices=[Voice("1", "rye", BRANDS)] * 2)
    inputs = inputs_of(
        [(0, 0, 0, 0)] * 2,
        net=net_of_events(log, ACCOUNTS),
        followers=followers,
        followers_at=lambda rows, _: np.array(followers)[rows],
        clients=replace(clients, several=np.ones(2, dtype=np.bool_)),
    )
    return together([member(each) for each in snapshots_of(inputs, ACCOUNTS)])


def world(log: list[Event], account: str, window: str, followers: float) -> naive_kpis.World:
    return naive_kpis.World(
        log, account, BEGIN_MS, NOW_MS, NOW_MS - WINDOWS_MS[window], 4 * 3_600_000,
        lambda _: followers, followers, list(TARGETS), "UTC", list(BRANDS), window_ms=WINDOWS_MS[window],
    )  # fmt: skip


def people(each: naive_kpis.World) -> set[str]:
    net = [e for e in naive_kpis.net_events(each) if e["stands"] and e["kind"] != "post" and not e.get("own")]
    return {e["actor"] for e in net if e["at"] > each.start and e.get("actor") is not None}


def told(figures: dict[tuple[str, str | None], Triple], name: str, part: str | None) -> Triple:
    """Of a signal that an account does not tell it has none among all its interactions."""
    if (name, part) not in figures and (part or "").startswith("signal:"):
        return 0, 0, figures[name, "interactions"][2]
    return figures.get((name, part), naive_kpis.ABSENT)


def added(
    kpi: Kpi, part: str | None, worlds: Sequence[naive_kpis.World], triples: Sequence[Triple]
) -> Triple:
    """Numerators and denominators of the accounts, added as the KPI says; what is absent is nothing."""
    merge = merge_of(kpi, part)
    known = [triple for triple in triples if triple[0] is not None]
    if merge == "max":
        return max(known, key=lambda triple: triple[0] or 0) if known else naive_kpis.ABSENT
    numerator: Any = sum(triple[1] or 0 for triple in triples)
    denominator: Any = sum(triple[2] or 0 for triple in triples)
    if merge == "people":
        numerator = len(set().union(*map(people, worlds)))
    if merge == "targets":
        hits = set().union(*map(people, worlds)) & set(TARGETS)
        numerator, denominator = len(hits), len(TARGETS)
    if merge == "count":
        return numerator, numerator, None
    if merge == "sum":
        return numerator, numerator, denominator
    if not denominator:
        return naive_kpis.ABSENT
    per = 1000 if kpi.unit == "per_1000" else 1
    exact = not isinstance(numerator, float) and not isinstance(denominator, float)
    value: Number = per * (Fraction(numerator) / Fraction(denominator) if exact else numerator / denominator)
    return value, numerator, denominator


@settings(max_examples=100, deadline=None)
@given(logs(), st.tuples(*[st.sampled_from((1.0, 100.0, 333.0))] * 2))
def test_every_deep_kpi_of_a_client_equals_its_naive_recomputation(
    log: list[Event], followers: tuple[float, float]
) -> None:
    single = [event for event in log if event.get("count", 1) > 0]
    found = of_client(single, followers)
    for window in ("24h", "7d", "28d"):
        worlds = [world(single, *one) for one in zip(ACCOUNTS, [window] * 2, followers, strict=True)]
        naive = [naive_kpis.kpis(each) for each in worlds]
        for name, part in dict.fromkeys(place for each in naive for place in each):
            kpi = DEEP[name]
            if window not in kpi.windows:
                continue
            if merge_of(kpi, part) is None or (name, part) == ("active_audience", None):
                continue
            if rest_of(kpi.parts, part) is not None:
                continue  # see below
            expected = added(kpi, part, worlds, [told(each, name, part) for each in naive])
            figure = found.get((name, window, part))
            if figure is None:  # null, and so are the accounts'
                assert expected[0] is None
                continue
            assert near(figure.value, expected[0]), (window, name, part, figure, expected)
            if figure.value is not None:
                assert near(figure.numerator, expected[1]), (window, name, part, figure, expected)
                assert near(figure.denominator, expected[2]), (window, name, part, figure, expected)


@settings(max_examples=100, deadline=None)
@given(logs())
def test_topics_of_a_client_are_exact_or_among_the_rest(log: list[Event]) -> None:
    single = [event for event in log if event.get("count", 1) > 0]
    found = of_client(single, (1.0, 1.0))
    worlds = [world(single, account, "28d", 1.0) for account in ACCOUNTS]
    recent = [
        event
        for each in worlds
        for event in naive_kpis.net_events(each)
        if event["stands"] and event["kind"] != "post" and not event.get("own") and event["at"] > each.start
    ]
    counts, whole = naive_kpis.by_topic(recent), naive_kpis.total(recent)
    shares = {
        part: it for (kpi, window, part), it in found.items() if (kpi, window) == ("topic_share", "28d")
    }
    parts = {part: it for part, it in shares.items() if part is not None and it.value is not None}
    named = {part: it for part, it in parts.items() if part != "topic:other"}
    for part, it in named.items():
        assert near(it.numerator, counts[part.removeprefix("topic:")])
        assert it.denominator == whole
    if parts:
        assert near(sum(it.numerator or 0.0 for it in parts.values()), Fraction(whole))
    # Where ten are told there may be more: an account then says of no other topic that it has none of it.
    few = all(len({t for e in recent if e["account"] == a for t in naive_kpis.topics_of(e)}) < 10
              for a in ACCOUNTS)  # fmt: skip
    if few and "other" not in counts:
        assert {part.removeprefix("topic:") for part in named} == set(counts)


@settings(max_examples=100, deadline=None)
@given(logs(), st.randoms(use_true_random=False))
def test_neither_order_nor_duplicates_change_a_bit_of_a_client(log: list[Event], rng: Any) -> None:
    again = [*log, *log[::2]]
    rng.shuffle(again)
    assert of_client(log, (3.0, 7.0)) == of_client(again, (3.0, 7.0))


@given(logs())
@settings(max_examples=50, deadline=None)
def test_people_are_told_the_same_bytes_whatever_the_order(log: list[Event]) -> None:
    def told(events: Sequence[Event]) -> Any:
        clients = replace(clients_with(2, targets=[PEOPLE] * 2), several=np.array([True, False]))
        net = net_of_events(events, ACCOUNTS)
        return actors(inputs_of([(0, 0, 0, 0)] * 2, net=net, clients=clients))

    found = told(log)
    assert found == told(log[::-1])
    assert set(found) == {0}
    assert NOW_MS - BEGIN_MS < 29 * DAY
