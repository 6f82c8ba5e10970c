"""KPIs of single posts equal a naive recomputation where an account has many of them, restarts or not."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from tests import naive_kpis
from tests.engines import NOW_MS, Driven, registry_of
from tests.inputs import inputs_of
from tests.nets import DAY, HOUR, Told, figures, net_of_events
from tests.properties.test_net_kpis import BEGIN_MS, near
from tests.properties.test_net_restart import record

from resonanz_streams.kpis import outbound_effect, over_performance
from resonanz_streams.kpis.base import WINDOWS_MS
from resonanz_streams.net.table import POST

Event = dict[str, Any]


def times() -> SearchStrategy[int]:
    """Of hours, so that some are equal, and of the edges of windows and of what is attributed."""
    return st.one_of(
        st.integers(0, 30).map(lambda hours: NOW_MS - hours * HOUR),
        st.sampled_from((DAY, 7 * DAY)).map(lambda age: NOW_MS - age),
        st.integers(0, 27 * DAY).map(lambda age: NOW_MS - age),
    )


@st.composite
def busy(draw: st.DrawFn) -> list[Event]:
    """An account with 4 to 16 posts and comments elsewhere, and what is on them."""
    log: list[Event] = []
    for number in range(draw(st.integers(4, 16))):
        one: Event = {"kind": "post", "id": f"p{number}", "account": "a", "at": draw(times())}
        log.append(one | ({"venue": "elsewhere"} if draw(st.integers(0, 3)) == 0 else {}))
        for like in range(draw(st.integers(0, 4))):
            age = draw(st.sampled_from((-1, 0, HOUR, 2 * HOUR, 72 * HOUR, 72 * HOUR + 1)))
            on = {"id": f"{number}-{like}", "actor": f"{like}", "object": f"p{number}", "account": "a"}
            count = draw(st.sampled_from((1, 1, 1, 5, -1)))
            log.append({"kind": "like", **on, "at": min(NOW_MS, one["at"] + age), "count": count})
    if draw(st.booleans()):
        log.append(log[0] | {"op": "remove", "at": NOW_MS})
    return draw(st.permutations(log))


@settings(max_examples=200, deadline=None)
@given(busy())
def test_posts_are_compared_as_a_naive_recomputation_does(log: list[Event]) -> None:
    inputs = inputs_of([(0, 0, 0, 0)], net=net_of_events(log))
    published = {one["id"]: one["at"] for one in log if one["kind"] == "post"}

    def rank(part: str | None, numerator: Any) -> tuple[str, float, int]:
        """What the ten are chosen by: which of posts of the same moment with as many is open."""
        name = part or ""
        return ("post:", float(numerator), published[name[5:]]) if name[:5] == "post:" else (name, 0.0, 0)

    for window in ("24h", "7d", "28d"):
        world = naive_kpis.World(
            log, "a", BEGIN_MS, NOW_MS, NOW_MS - WINDOWS_MS[window], HOUR, lambda _: None, None, [], "UTC", []
        )
        expected = naive_kpis.kpis(world)
        for kpi in (over_performance.KPI, outbound_effect.KPI):
            found = {
                (kpi.id, part): (figure.value, figure.numerator, figure.denominator)
                for part, figure in figures(kpi, inputs, window).items()
            }
            wanted = {name: triple for name, triple in expected.items() if name[0] == kpi.id}
            told, naive = (
                sorted(rank(part, triple[1]) for (_, part), triple in each.items())
                for each in (found, wanted)
            )
            assert told == naive
            for name in found.keys() & wanted.keys():
                assert all(map(near, found[name], wanted[name])), (window, name, found[name], wanted[name])


MINUTE = 60_000
POSTS = ("p", "q", "r")
REGISTRY = registry_of("file:a", "file:b")


def insights() -> SearchStrategy[list[Told]]:
    """Snapshots of three posts of two accounts, many of one moment, some of later than now or too old."""
    figures_ = st.sampled_from((None, 0, 5, 9, 2**31 - 1))
    at = st.one_of(
        st.integers(0, 30).map(lambda hours: NOW_MS - hours * HOUR),
        st.sampled_from(
            (BEGIN_MS - 1, BEGIN_MS, BEGIN_MS + HOUR, NOW_MS + 1, NOW_MS + 5 * MINUTE, NOW_MS + 10 * MINUTE)
        ),
    )
    return st.lists(st.builds(Told, st.sampled_from("ab"), st.sampled_from(POSTS), at, figures_, figures_))


def snapshot(one: Told) -> Event:
    told = {"object": one.post, "reach": one.reach, "impressions": one.impressions}
    whole = {"v": 1, "id": "s", "source": "file", "account": f"file:{one.account}", "at_ms": one.at}
    return {name: value for name, value in (whole | told).items() if value is not None} | {"followers": 3}


def known(driven: Driven) -> dict[str, list[float]]:
    """Reach and impressions of each post; -1 where nobody knows."""
    table = driven.engine.net()()
    figures_ = np.nan_to_num([table.reach, table.impressions], nan=-1.0)
    return {
        f"{table.accounts[row]} {table.facets[table.facet[row]].post}": figures_[:, row].tolist()
        for row in np.flatnonzero(table.kinds == POST).tolist()
    }


def expected_of(told: list[Told], now_ms: int, begin_ms: int) -> dict[str, list[float]]:
    found = {f"{row} {post}": [-1.0, -1.0] for row in (0, 1) for post in POSTS}
    for column in (0, 1):
        for one in sorted(told, key=lambda one: (one.at, (one.reach, one.impressions)[column] or 0)):
            figure = (one.reach, one.impressions)[column]
            if figure is not None and begin_ms <= one.at <= now_ms:
                found[f"{'ab'.index(one.account)} {one.post}"][column] = figure
    return found


@settings(max_examples=150, deadline=None)
@given(
    insights(),
    st.sets(st.integers(0, 40), max_size=4),
    st.sampled_from((1, 5 * MINUTE, HOUR, 27 * DAY)),
    st.randoms(use_true_random=False),
)
def test_the_newest_that_platforms_told_is_known_after_restarts_in_any_order(
    told: list[Told], restarts: set[int], later: int, rng: Any
) -> None:
    driven = Driven("file:a", "file:b", registry=REGISTRY)
    for account in "ab":
        for name in POSTS:
            post = {"kind": "post", "id": name, "account": account, "at": NOW_MS - 2 * HOUR}
            driven.read(record(post), topic="posts")
    again = [*told, *told[::2]]
    rng.shuffle(again)
    for number, one in enumerate(again):
        if number in restarts:
            driven.flush()
            driven.restart()
        driven.read(snapshot(one), topic="audience")
    for now_ms in (NOW_MS, NOW_MS + later):
        driven.advance(now_ms)
        begin = (now_ms - 28 * DAY) // HOUR * HOUR + 1
        expected = expected_of(told, now_ms, begin)
        assert known(driven) == expected
        driven.flush()
        driven.restart(now_ms)
        assert known(driven) == expected
