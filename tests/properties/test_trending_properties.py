"""What is trending equals a naive recomputation with sums of decimals, whatever people talked about when."""

from typing import Any

from hypothesis import event as noted
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import naive_kpis
from tests.inputs import NOW_MS, inputs_of
from tests.nets import DAY, HOUR, figures, net_of_events
from tests.properties.test_net_kpis import BEGIN_MS, near

from resonanz_streams.kpis.base import WINDOWS_MS
from resonanz_streams.kpis.trending import KPI

Event = dict[str, Any]
TOPICS = ("oat", "rye", *(f"t{number:02d}" for number in range(10)))


EDGES = (0, 1, HOUR - 1, HOUR, HOUR // 2, 5 * HOUR, DAY - 1)


@st.composite
def talks(draw: st.DrawFn) -> list[Event]:
    """Much of one topic or of several within the last hour, more or less on earlier days; also totals."""
    topics = draw(st.lists(st.sampled_from(TOPICS), min_size=1, max_size=12, unique=True))
    now = st.sampled_from(EDGES[:5])
    then = st.tuples(st.sampled_from((0, 1, 2, 7, 8, 14, 21, 26, 27)), st.sampled_from(EDGES))
    ages = [
        *draw(st.lists(now, min_size=5, max_size=30)),
        *(day * DAY + by for day, by in draw(st.lists(then, max_size=40))),
    ]
    often = draw(st.integers(1, 3))
    found: list[Event] = []
    for number, age in enumerate(ages):
        event = {"kind": "comment", "id": str(number), "account": "a", "at": NOW_MS - age}
        event["actor"] = draw(st.sampled_from(("ann", "bob", "cid", "dan", None)))
        event["topics"] = topics if number % often == 0 else topics[:1]
        count = draw(st.sampled_from((1, 1, 1, 1, 1, 1, 1, 40, -2)))
        found.append(event if count == 1 else event | {"count": count})
        if draw(st.integers(0, 9)) == 0:
            found.append(found[-1] | {"op": "remove", "at": NOW_MS})
    return found


def days() -> st.SearchStrategy[set[int]]:
    return st.one_of(st.just(set(range(1, 28))), st.sets(st.integers(1, 27), min_size=5))


@settings(max_examples=150, deadline=None)
@given(talks(), days(), st.sampled_from(("1h", "24h")), st.randoms(use_true_random=False))
def test_trends_equal_their_naive_recomputation(
    log: list[Event], watched: set[int], window: str, rng: Any
) -> None:
    shuffled = [*log, *log[::3]]
    rng.shuffle(shuffled)
    world = naive_kpis.World(
        log,
        "a",
        BEGIN_MS,
        NOW_MS,
        NOW_MS - WINDOWS_MS[window],
        0,
        lambda _: None,
        None,
        [],
        "UTC",
        [],
        days=watched,
    )
    expected = {part: triple for (kpi, part), triple in naive_kpis.kpis(world).items() if kpi == "trending"}
    found = figures(KPI, inputs_of([(0, 0, 0, 0)], net=net_of_events(shuffled), days=watched), window)
    noted(f"{len(found)} parts")
    assert set(found) == set(expected)
    for part, triple in expected.items():
        figure = found[part]
        assert all(map(near, (figure.value, figure.numerator, figure.denominator), triple)), (part, figure)
