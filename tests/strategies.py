"""Hypothesis strategies: events that meet at the edges of windows, and what may happen around them."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Event = dict[str, Any]
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
EDGES = (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, DAY, 7 * DAY, 28 * DAY)
ACCOUNTS = ("file:a", "file:b")


def ages() -> SearchStrategy[int]:
    """How long before a reference an event happened: about now, about a window's edge, or beyond all."""
    near = st.integers(-30_000, 30_000)
    return st.one_of(
        st.integers(0, 2 * MINUTE),
        st.sampled_from(EDGES).flatmap(lambda edge: near.map(lambda by: edge + by)),
        st.sampled_from(EDGES).flatmap(lambda edge: st.sampled_from((-1, 0, 1)).map(lambda by: edge + by)),
        st.integers(0, 28 * DAY),
        st.sampled_from((28 * DAY + HOUR, 29 * DAY, 30 * DAY, 60 * DAY)),
    )


@st.composite
def events(draw: st.DrawFn, *, kind: str, reference_ms: int, ahead_ms: int) -> Event:
    """Few identities, so that additions, removals and duplicates meet."""
    event: Event = {
        "v": 1,
        "id": draw(st.sampled_from(("1", "2", "3"))),
        "source": draw(st.sampled_from(("file", "bluesky"))),
        "kind": kind,
        "account": draw(st.sampled_from(ACCOUNTS)),
        "at_ms": reference_ms - draw(st.one_of(ages(), st.integers(-ahead_ms, 0))),
    }
    if draw(st.booleans()):
        event["op"] = draw(st.sampled_from(("add", "remove", "remove")))
    if draw(st.booleans()):
        event |= {"actor": draw(st.sampled_from(("x", "y"))), "object": "o"}
    count = draw(st.sampled_from((1, 1, 1, 2, -3, 2**31 - 1)))
    if count != 1:
        event["count"] = count
    if draw(st.integers(0, 9)) == 0:
        event["own"] = True
    return event


@st.composite
def logs(draw: st.DrawFn, *, reference_ms: int, ahead_ms: int) -> dict[str, list[list[Event]]]:
    """Per kind the records of its topic, each of one event or several; some events come twice."""
    log = {}
    for kind in ("like", "comment", "share"):
        single = events(kind=kind, reference_ms=reference_ms, ahead_ms=ahead_ms)
        found = draw(st.lists(single, max_size=12 if kind == "like" else 6))
        if found:
            found += draw(st.lists(st.sampled_from(found), max_size=4))
            found = draw(st.permutations(found))
        records: list[list[Event]] = []
        for event in found:
            if records and draw(st.integers(0, 2)) == 0:
                records[-1].append(event)
            else:
                records.append([event])
        log[kind] = records
    return log


def steps() -> SearchStrategy[list[tuple[str, Any]]]:
    """What happens to a partition: reading a few records, time passing, a heartbeat, flush, restart."""
    kinds = st.sampled_from(("like", "like", "comment", "share"))
    passing = st.one_of(
        st.integers(1, 20_000),
        st.sampled_from((10_000, 300_000, HOUR, DAY, 28 * DAY)),
        st.integers(1, 40 * DAY),
    )
    return st.lists(
        st.one_of(
            st.tuples(st.just("read"), st.tuples(kinds, st.integers(1, 5))),
            st.tuples(st.just("pass"), passing),
            st.tuples(st.just("complete"), st.integers(-HOUR, 40 * DAY)),
            st.tuples(st.sampled_from(("flush", "restart", "crash", "merge")), st.none()),
        ),
        max_size=14,
    )
