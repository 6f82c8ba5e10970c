"""What is kept of an event besides its count, when events are odd."""

import tracemalloc
from typing import Any

from tests.engines import NOW_MS, Driven, event, registry_of

from resonanz_streams.deep import deep_job
from resonanz_streams.details import Facet, Facets, Vocabulary
from resonanz_streams.events import Event

MANY = [f"t{number:05d}" for number in range(10_000)]


def test_ten_thousand_topics_on_one_event_are_about_none() -> None:
    """Also of those that are the client's; the event itself counts."""
    registry = registry_of("file:a", topics={topic: [] for topic in MANY[:100]})
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
        return like(topics=tuple(f"{number}-{place}" for place in range(2_000)))

    facets.of(event_of(0), words, own=False)
    tracemalloc.start()
    for number in range(200):
        facets.of(event_of(number), words, own=False)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1_000_000


def test_nothing_is_kept_of_topics_venues_and_flags_that_the_client_does_not_name() -> None:
    """5,000 events whose words are all new would be 10 MB if they were kept."""
    facets, words = Facets(), Vocabulary(frozenset({"rye"}), frozenset({"forum"}))

    def odd(number: int) -> Event:
        word = f"{number:0512}"
        return like(topics=("rye", word), flags=("bot", word), venue="elsewhere", venue_name=word)

    known = facets.of(odd(0), words, own=False)
    tracemalloc.start()
    numbers = {facets.of(odd(number), words, own=False) for number in range(5_000)}
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert numbers == {known}
    assert facets.table() == {
        0: Facet(),
        known: Facet(venue="elsewhere", topics=("rye",), flags=("bot",)),
    }
    assert held < 100_000


def test_words_that_two_topics_share_and_a_topic_that_is_another_s_word() -> None:
    """Events name topics: what words belong to a topic does not change what counts."""
    registry = registry_of("file:a", topics={"bread": ["rye", "oat"], "cake": ["rye"], "oat": ["bread"]})
    driven = Driven("file:a", registry=registry)
    driven.read(event(id="1", topics=["rye"]), event(id="2", topics=["oat"]), event(id="3", topics=["cake"]))
    driven.advance(NOW_MS)
    facets = driven.engine.net()().facets
    assert sorted(facet.topics for facet in facets) == [(), ("cake",), ("oat",)]


def test_flags_of_authenticity_and_those_that_an_exclusion_names_are_kept() -> None:
    exclusion = {"account": "file:a", "flags": ["raffle"], "reason": "a raffle"}
    words = registry_of("file:a", exclusions=[exclusion]).clients["fleet"].vocabulary
    facets = Facets()
    many = tuple(f"f{number}" for number in range(100))
    number = facets.of(like(flags=("raffle", *many, "bot", "verified", "bot")), words, own=False)
    assert facets.table()[number].flags == ("bot", "raffle")
    assert facets.of(like(flags=many), words, own=False) == 0


def like(**fields: Any) -> Event:
    return Event(id="1", source="file", kind="like", account="file:a", at_ms=1, **fields)
