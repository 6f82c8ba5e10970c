"""A snapshot says of itself what it was counted from: how far in the log, and until when."""

import asyncio

from tests.engines import NOW_MS, event
from tests.stores import Played

from resonanz_streams.events import KpiSnapshot


def likes(snapshot: KpiSnapshot) -> float | None:
    return next(e.value for e in snapshot.kpis if (e.kpi, e.window, e.part) == ("interactions", "5m", "like"))


def test_it_says_how_far_each_topic_had_been_read() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own(0)
        await played.read(event(id="1"), event(id="2"))
        await played.read(event(id="3", kind="share"), topic="shares")
        await played.tick()
        assert played.store.told("file:a")[-1].read == {"likes": 2, "shares": 1}

    asyncio.run(scene())


def test_what_was_counted_after_the_tick_began_is_not_later_than_the_snapshot() -> None:
    """A removal takes effect when it is counted: the snapshot must not be of a time before it."""

    async def scene() -> None:
        played = Played("file:a")
        await played.own(0)
        await played.read(event(id="1"), event(id="2"))
        await played.tick()
        played.clock_ms = NOW_MS + 500
        await played.read(event(id="1", op="remove", at_ms=NOW_MS + 300))
        await played.pipeline.flush(0, snapshot_seconds=10.0)
        told = played.store.told("file:a")[-1]
        assert (told.at_ms, told.read, likes(told)) == (NOW_MS + 500, {"likes": 3}, 1.0)

    asyncio.run(scene())


def test_what_is_counted_while_it_is_made_is_in_none_of_its_figures() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own(0)
        await played.read(event(id="1"), event(id="2"))
        await asyncio.gather(
            played.pipeline.flush(0, snapshot_seconds=10.0), played.read(event(id="3"), event(id="4"))
        )
        (told,) = played.store.told("file:a")
        peaks = [entry.numerator for entry in told.kpis if (entry.kpi, entry.part) == ("velocity", "peak")]
        assert (told.read, likes(told), peaks) == ({"likes": 2}, 2.0, [2.0])

    asyncio.run(scene())
