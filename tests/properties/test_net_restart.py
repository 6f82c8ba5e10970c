"""What stands is the same after restarts in the middle of the log, down to the last detail."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines import NOW_MS, Driven, registry_of
from tests.properties.test_net_kpis import logs

from resonanz_streams.net.table import NetTable

Event = dict[str, Any]
TOPIC = {"like": "likes", "comment": "comments", "share": "shares", "post": "posts"}
REGISTRY = registry_of(
    "file:a", "file:b", topics={"oat": [], "rye": []}, venues=["forum"], own_actors=["ann"]
)


def record(event: Event) -> Event:
    """As a topic holds it."""
    found = {"v": 1, "source": "file", **event, "account": f"file:{event['account']}", "at_ms": event["at"]}
    if event["kind"] == "post":
        del found["kind"]
    return {name: value for name, value in found.items() if value is not None and name != "at"}


def rows(table: NetTable) -> list[tuple[Any, ...]]:
    columns = zip(
        table.keys.tolist(),
        table.accounts.tolist(),
        table.kinds.tolist(),
        table.at_ms.tolist(),
        table.weights.tolist(),
        table.stands.tolist(),
        table.actors.tolist(),
        table.objects.tolist(),
        table.parents.tolist(),
        table.threads.tolist(),
        [table.facets[place] for place in table.facet.tolist()],
        strict=True,
    )
    return list(columns)


def counted(log: list[Event], restarts: set[int]) -> list[tuple[Any, ...]]:
    driven = Driven("file:a", "file:b", registry=REGISTRY)
    for number, event in enumerate(log):
        if number in restarts:
            driven.flush()
            driven.restart()
        driven.read(record(event), topic=TOPIC[event["kind"]])
    driven.advance(NOW_MS)
    return rows(driven.engine.net()())


@settings(max_examples=100, deadline=None)
@given(logs(), st.sets(st.integers(0, 40), max_size=4))
def test_restarts_change_nothing_of_what_stands(log: list[Event], restarts: set[int]) -> None:
    assert counted(log, restarts) == counted(log, set())


@settings(max_examples=50, deadline=None)
@given(logs(), st.randoms(use_true_random=False))
def test_neither_does_the_order_in_which_it_is_read(log: list[Event], rng: Any) -> None:
    shuffled = list(log)
    rng.shuffle(shuffled)
    assert counted(shuffled, set()) == counted(log, set())
