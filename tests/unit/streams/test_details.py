"""What is kept of an event besides its count, when events are odd."""

import tracemalloc

from tests.engines import NOW_MS, Driven, event, registry_of

from resonanz_streams.deep import deep_job
from resonanz_streams.details import Facets, Vocabulary
from resonanz_streams.events import Event

MANY = [f"t{number:05d}" for number in range(10_000)]


def test_ten_thousand_topics_on_one_event_are_about_none() -> None:
    """Also if all of them are the client's; the event itself counts."""
    registry = registry_of("file:a", topics={topic: [] for topic in MANY})
    driven = Driven("file:a", registry=registry)
    driven.read(event(id="1", topics=MANY), event(id="2", topics=MANY[:1]))
    driven.advance(NOW_MS)
    assert driven.counts() == [2, 0, 0, 0]
    job = deep_job(driven.engine)
    assert job is not None
    entries = job().arranged().entries(0)
    found = {it.part: it.value for it in entries if (it.kpi, it.window) == ("topic_share", "24h")}
    assert found == {None: 0.5, "topic:t00000": 0.5, "topic:other": 0.5}


def test_events_of_many_topics_do_not_fill_the_memory() -> None:
    """200 of them, each with topics of its own, would be 20 MB if they were kept."""
    facets, words = Facets(), Vocabulary(frozenset({"rye"}))

    def event_of(number: int) -> Event:
        topics = tuple(f"{number}-{place}" for place in range(2_000))
        return Event(id="1", source="file", kind="like", account="file:a", at_ms=1, topics=topics)

    facets.of(event_of(0), words, own=False)
    tracemalloc.start()
    for number in range(200):
        facets.of(event_of(number), words, own=False)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1_000_000


def test_words_that_two_topics_share_and_a_topic_that_is_another_s_word() -> None:
    """Events name topics: what words belong to a topic does not change what counts."""
    registry = registry_of("file:a", topics={"bread": ["rye", "oat"], "cake": ["rye"], "oat": ["bread"]})
    driven = Driven("file:a", registry=registry)
    driven.read(event(id="1", topics=["rye"]), event(id="2", topics=["oat"]), event(id="3", topics=["cake"]))
    driven.advance(NOW_MS)
    facets = driven.engine.net()().facets
    assert sorted(facet.topics for facet in facets) == [(), ("cake",), ("oat",)]


def test_of_many_flags_those_of_authenticity_stay_and_long_ones_say_nothing() -> None:
    facets = Facets()
    few = [f"f{number:02}" for number in range(15)]
    for flags, kept in (
        (["bot", *few, "x" * 65], ("bot", *few)),
        (["spam", *few, "f15", "bot"], ("bot", "spam")),
        (["raffle", "raffle"], ("raffle",)),
    ):
        number = facets.of(flagged(flags), Vocabulary(), own=False)
        assert facets.table()[number].flags == kept


def flagged(flags: list[str]) -> Event:
    return Event(id="1", source="file", kind="like", account="file:a", at_ms=1, flags=tuple(flags))
