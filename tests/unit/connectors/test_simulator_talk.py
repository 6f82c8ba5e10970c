"""Dialogues, topics and venues in what the simulator publishes."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import msgspec
from tests.unit.connectors.agency import DAY_MS, START_MS, options

from resonanz_connectors.simulator import generate
from resonanz_connectors.stage import SHAPES, lines_of
from resonanz_streams.events import Event, Post, encode
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import settings_of

TOPICS = ("bread", "cakes", "jobs")
VENUES = ("forum.example", 'the "other" place')
SPEAKING, SILENT = "facebook:bakery", "facebook:band"


@cache
def published(days: int = 7) -> tuple[Sequence[Event], Sequence[Post]]:
    """Of a client with a vocabulary, and of one without."""
    common = {"timezone": "Europe/Berlin", "potential": 50_000}
    words = {"topics": {topic: [] for topic in TOPICS}, "venues": list(VENUES)}
    settings = settings_of(
        {
            "pseudonym_key": "${KEY}",
            "clients": {
                "bakery": {"name": "Bakery", "accounts": [SPEAKING], **common, **words},
                "band": {"name": "Band", "accounts": [SILENT], **common},
            },
        },
        environment={"KEY": "0123456789abcdef0123456789abcdef"},
    )
    registry = build_registry(settings)
    batches = generate(
        registry,
        tuple(registry.accounts.values()),
        from_ms=START_MS - days * DAY_MS,
        to_ms=START_MS,
        options=options(),
    )
    events, posts = [], []
    for topic, _, line in lines_of([record for batch in batches for record in batch.outgoing()]):
        record = msgspec.json.decode(line, type=SHAPES.get(topic, Event))
        assert encode(record) == line
        if isinstance(record, Event):
            events.append(record)
        elif isinstance(record, Post):
            posts.append(record)
    return events, posts


def comments(account: str = SPEAKING) -> dict[str, Event]:
    """By id, as they were added."""
    events, _ = published()
    return {e.id: e for e in events if (e.kind, e.op, e.account) == ("comment", "add", account)}


def test_who_answers_whom() -> None:
    said = comments()
    steps = Counter[tuple[bool, bool]]()
    for comment in said.values():
        assert comment.thread == comment.object
        if comment.parent in said:
            above = said[comment.parent]
            assert (above.object, above.venue_name) == (comment.object, comment.venue_name)
            assert above.at_ms < comment.at_ms
            steps[above.own, comment.own] += 1
            if above.own:
                # Who answers an own answer is whom it was given to.
                assert above.parent is not None
                assert above.parent not in said or said[above.parent].actor == comment.actor
    assert steps[False, True] > steps[False, False] > 100
    assert steps[True, False] > 100
    assert steps[True, True] == 0
    assert sum(comment.parent is None for comment in said.values()) > 0.3 * len(said)


def test_own_people_answer_most_comments_and_no_bots() -> None:
    said = comments()
    answered = {comment.parent for comment in said.values() if comment.own}
    asked = [comment for comment in said.values() if not comment.own and not comment.flags]
    assert 0.4 < sum(comment.id in answered for comment in asked) / len(asked) < 0.95
    assert not any(comment.flags and comment.id in answered for comment in said.values())
    delays = sorted(
        (c.at_ms - said[c.parent].at_ms) / 60_000 for c in said.values() if c.own and c.parent in said
    )
    assert 20 < delays[len(delays) // 2] < 240
    assert delays[-1] > 8 * 60


def test_own_people_answer_by_day() -> None:
    hours = [
        datetime.fromtimestamp(comment.at_ms / 1000, UTC).astimezone(ZoneInfo("Europe/Berlin")).hour
        for comment in comments().values()
        if comment.own
    ]
    by_day = sum(8 <= hour < 18 for hour in hours) / len(hours)
    others = [
        datetime.fromtimestamp(comment.at_ms / 1000, UTC).astimezone(ZoneInfo("Europe/Berlin")).hour
        for comment in comments().values()
        if not comment.own
    ]
    assert by_day > 0.75 > sum(8 <= hour < 18 for hour in others) / len(others)


def test_nobody_answers_what_is_gone() -> None:
    events, _ = published()
    gone = {event.id: event.at_ms for event in events if event.op == "remove"}
    answers = [event for event in events if event.parent in gone and event.op == "add"]
    assert len(answers) > 20
    assert all(answer.at_ms < gone[answer.parent or ""] for answer in answers)


def test_what_is_about_a_post_has_its_topics() -> None:
    events, posts = published()
    topics: dict[str | None, set[tuple[str, ...]]] = defaultdict(set)
    records: list[Event | Post] = [*events, *posts]
    for record in records:
        if record.account == SPEAKING:
            topics[record.object].add(record.topics)
            assert set(record.topics) <= set(TOPICS)
            assert len(set(record.topics)) == len(record.topics)
    assert {len(found) for found in topics.values()} == {1}
    assert {len(next(iter(found))) for found in topics.values()} == {0, 1, 2, 3}
    assert {record.topics for record in records if record.account == SILENT} == {()}


def test_some_of_it_is_elsewhere() -> None:
    events, posts = published()
    mine = [event for event in events if event.account == SPEAKING]
    away = [event for event in mine if event.venue == "elsewhere"]
    assert 0.02 < len(away) / len(mine) < 0.06
    assert {event.venue_name for event in away} == set(VENUES)
    assert {event.venue_name for event in mine if event.venue == "own"} == {None}
    unnamed = {event.venue_name for event in events if event.account == SILENT and event.venue == "elsewhere"}
    assert unnamed == {None}
    there = {post.object: post for post in posts if post.account == SPEAKING and post.venue == "elsewhere"}
    assert 2 <= len(there) <= 14
    about = [event for event in away if event.object in there]
    assert len(about) > 50
    for event in about:
        assert event.venue_name == there[event.object].venue_name
        assert event.at_ms >= there[event.object].at_ms


def test_a_removal_carries_what_its_addition_carried() -> None:
    events, _ = published()
    added = {event.id: event for event in events if event.op == "add"}
    removals = [event for event in events if event.op == "remove" and event.id in added]
    assert len(removals) > 100
    for removal in removals:
        addition = added[removal.id]
        for name in ("actor", "own", "object", "parent", "thread", "venue", "venue_name", "topics", "flags"):
            assert getattr(removal, name) == getattr(addition, name), (removal.id, name)


def test_bots_are_flagged_and_some_come_in_bursts() -> None:
    events, _ = published()
    flags: dict[str | None, set[str]] = defaultdict(set)
    for event in events:
        if event.account == SPEAKING and event.flags:
            flags[event.actor].update(event.flags)
            assert event.flags[0] == "bot"
            assert ("spam" in event.flags) == (event.kind == "comment")
    assert 30 <= len(flags) <= 40
    assert 8 <= sum("burst" in found for found in flags.values()) <= 12
