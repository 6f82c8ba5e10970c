"""By which rules events were counted: written once, and again when they are others."""

from typing import Any

import pytest
from tests.engines import NOW_MS, Driven, event, registry_of

from resonanz_streams.errors import StopError
from resonanz_streams.registry import Registry
from resonanz_streams.rules import RULES_KEY, Rule, Rules, digest_of, read_rules


def with_topics(*topics: str, **more: Any) -> Registry:
    return registry_of("file:a", topics={topic: [] for topic in topics}, **more)


def test_the_first_rules_have_no_date() -> None:
    rules = Rules(with_topics("oat"), ["fleet"])
    assert not rules.changed
    row = rules.take()
    assert read_rules(row) == {"fleet": Rule(digest_of(with_topics("oat").clients["fleet"]))}
    assert rules.take() == {}


def test_others_bear_the_date_of_when_they_came_and_the_same_keep_theirs() -> None:
    first = Rules(with_topics("oat"), ["fleet"])
    second = Rules(with_topics("oat", "rye"), ["fleet"])
    second.load(first.take(), NOW_MS)
    assert second.changed
    row = second.take()
    third = Rules(with_topics("rye", "oat", potential=7), ["fleet"])
    third.load(row, NOW_MS + 1)
    assert not third.changed
    assert [rule.since_ms for rule in read_rules(row).values()] == [NOW_MS]


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"own_actors": ["ann"]}, True),
        ({"venues": ["forum"]}, True),
        ({"topics": {"oat": [], "rye": []}}, True),
        ({"exclusions": [{"account": "file:a", "flags": ["raffle"], "reason": "a raffle"}]}, True),
        ({"exclusions": [{"account": "file:a", "flags": ["bot"], "reason": "bots"}]}, False),
        ({"topics": {"oat": ["oats", "oatmeal"]}}, False),
        ({"potential": 5}, False),
        ({"timezone": "Europe/Berlin"}, False),
    ],
)
def test_rules_are_what_decides_how_an_event_counts(change: dict[str, Any], differs: bool) -> None:
    plain = digest_of(with_topics("oat").clients["fleet"])
    other = registry_of("file:a", **{"topics": {"oat": []}, **change})
    assert (digest_of(other.clients["fleet"]) != plain) is differs


def test_a_client_that_left_and_comes_back_with_others_is_told_from_one_that_never_left() -> None:
    rules = Rules(with_topics("oat"), ["fleet"])
    row = rules.take()
    without = Rules(with_topics("oat"), [])
    without.load(row, NOW_MS)
    assert (without.changed, without.take()) == (False, {})
    back = Rules(with_topics("rye"), ["fleet"])
    back.load(row, NOW_MS)
    assert [rule.since_ms for rule in read_rules(back.take()).values()] == [NOW_MS]


def test_they_are_written_with_the_rest_and_alone_once_they_are_others() -> None:
    driven = Driven("file:a", registry=with_topics("oat"))
    assert driven.flush() is None
    driven.read(event())
    driven.flush()
    assert read_rules(driven.rows)["fleet"].since_ms is None
    driven.restart(registry=with_topics("oat"))
    assert driven.flush() is None
    driven.restart(NOW_MS + 5, registry=with_topics("rye"))
    flush = driven.flush()
    assert flush is not None
    assert set(flush.rows) == {b"m", RULES_KEY}
    assert read_rules(driven.rows)["fleet"].since_ms == NOW_MS + 5


def test_a_row_that_cannot_be_read_says_what_to_do() -> None:
    for data in (b"nonsense", b"\x81\xa1a\x01"):
        with pytest.raises(
            StopError, match=r"the state's rules cannot be read .*; stop the workers and run: "
        ):
            read_rules({RULES_KEY: data})
