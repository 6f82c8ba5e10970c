"""What engagement is without suspects equals a naive recomputation, also after restarts in the middle."""

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import naive_kpis
from tests.engines import NOW_MS, Driven, registry_of
from tests.naive_authentic import authentic
from tests.nets import HOUR
from tests.properties.test_net_kpis import BEGIN_MS, PEOPLE, logs, near
from tests.properties.test_net_restart import TOPIC, record
from tests.stores import heartbeat

from resonanz_streams.authentic import is_authentic
from resonanz_streams.deep import deep_job
from resonanz_streams.events import KpiEntry
from resonanz_streams.registry import Registry
from resonanz_streams.windows import old_edge_ms

Event = dict[str, Any]
Exclusion = dict[str, Any]
COUNTED_MS = NOW_MS - HOUR
"""When somebody counted 300 followers, once."""

BURSTS = {(20, 60_000): "60s", (1, 1_000): "1s", (1, HOUR): "1h", (2, 5 * HOUR): "5h", (2, 48 * HOUR): "2d"}


@st.composite
def exclusions(draw: st.DrawFn) -> Exclusion:
    """Of account a or b, some hours of the last day, of some people or of what has some flag."""
    told: Exclusion = {"account": draw(st.sampled_from(("a", "b")))}
    begin, end = draw(st.integers(1, 24)), draw(st.integers(0, 24))
    if draw(st.booleans()):
        told["from"] = begin
    if draw(st.booleans()) and ("from" not in told or end < begin):
        told["to"] = end
    if draw(st.booleans()):
        told["actors"] = draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=2))
    if draw(st.booleans()):
        told["flags"] = draw(st.lists(st.sampled_from(("raffle", "bot")), min_size=1, max_size=2))
    return told


def configured(told: Exclusion) -> Exclusion:
    """As the configuration says it; hours ago become times."""
    times: Exclusion = {
        name: datetime.fromtimestamp(NOW_MS / 1000 - told[name] * 3600, UTC).isoformat()
        for name in ("from", "to")
        if name in told
    }
    return {**told, **times, "account": f"file:{told['account']}", "reason": "a test"}


def covers(told: Exclusion, event: Event) -> bool:
    return (
        event["account"] == told["account"]
        and ("from" not in told or event["at"] >= NOW_MS - told["from"] * HOUR)
        and ("to" not in told or event["at"] < NOW_MS - told["to"] * HOUR)
        and ("actors" not in told or event.get("actor") in told["actors"])
        and ("flags" not in told or not set(told["flags"]).isdisjoint(event.get("flags", ())))
    )


def entries(log: list[Event], registry: Registry, restarts: set[int]) -> dict[str, list[KpiEntry]]:
    """What is told of each account's authentic parts."""
    driven = Driven("file:a", "file:b", registry=registry)
    for account in ("file:a", "file:b"):
        told = {"v": 1, "id": "f", "source": "file", "account": account, "at_ms": COUNTED_MS}
        driven.read(told | {"followers": 300}, topic="audience")
        if account == "file:a":
            of_post = {"id": "r", "object": "p", "reach": 50, "impressions": 200}
            driven.read(told | {"followers": 300} | of_post, topic="audience")
    for number, event in enumerate(log):
        if number in restarts:
            driven.flush()
            driven.restart()
        named = event.get("actor") is not None
        people = {"actor": registry.pseudonym("fleet", event["actor"])} if named else {}
        driven.read(record(event | people), topic=TOPIC[event["kind"]])
    for account in ("file:a", "file:b"):
        driven.engine.observe(heartbeat(account))
    driven.advance(NOW_MS)
    job = deep_job(driven.engine)
    assert job is not None
    arranged = job().arranged()
    # Encoded and decoded as on its way: what is no number is null.
    found = {
        name: msgspec.json.decode(msgspec.json.encode(arranged.entries(row)), type=list[KpiEntry])
        for row, name in enumerate(("a", "b"))
    }
    return {name: [one for one in each if is_authentic(one.part)] for name, each in found.items()}


@settings(max_examples=60, deadline=None)
@given(
    logs(),
    st.lists(exclusions(), max_size=3),
    st.sampled_from(list(BURSTS)),
    st.sampled_from(((1.0, 2.0, 3.0), (0.0, 0.5, 1000.0))),
    st.sets(st.integers(0, 40), max_size=3),
)
def test_authentic_parts_equal_their_naive_recomputation(
    log: list[Event],
    excluded: list[Exclusion],
    burst: tuple[int, int],
    weights: tuple[float, float, float],
    restarts: set[int],
) -> None:
    by_kind = dict(zip(("like", "comment", "share"), weights, strict=True))
    registry = registry_of(
        "file:a",
        "file:b",
        exclusions=[configured(one) for one in excluded],
        weights=by_kind,
        burst={"more_than": burst[0], "within": BURSTS[burst]},
        topics={},
    )
    for account, told in entries(log, registry, restarts).items():
        for window in ("24h", "7d", "28d"):
            world = naive_kpis.World(
                log, account, BEGIN_MS, NOW_MS, old_edge_ms(window, NOW_MS), 0,
                lambda at: 300.0 if at >= COUNTED_MS else None, 300.0, [], "UTC", [], None,
                told=[("a", "p", COUNTED_MS, 50, 200)], burst=burst,
            )  # fmt: skip
            expected = authentic(
                world,
                lambda event: any(covers(one, event) for one in excluded),
                {kind: Fraction(weight) for kind, weight in by_kind.items()},
                1000,
            )
            found = {(one.kpi, str(one.part)): one for one in told if one.window == window}
            assert set(found) == set(expected)
            for name, triple in expected.items():
                entry = found[name]
                numbers = entry.value, entry.numerator, entry.denominator
                assert all(map(near, numbers, triple)), (window, name, numbers, triple)
                assert entry.reason is not None or entry.value is not None
