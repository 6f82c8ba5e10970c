"""Jetstream messages: what matters, what they point to, when they happened."""

from pathlib import Path

import msgspec
import pytest

from resonanz_connectors.jetstream import (
    PLAUSIBLE_MS,
    Commit,
    Uri,
    concerns,
    decode,
    happened_ms,
    is_did,
    post_of,
    quoted,
    split,
    subscription,
    time_us_of,
)

DATA = Path(__file__).parents[2] / "data" / "bluesky_jetstream"
RECORDED = (DATA / "recorded.jsonl").read_bytes().splitlines()
SEEN_MS = 1_783_175_888_085


def test_time_without_decoding() -> None:
    assert [time_us_of(raw) for raw in RECORDED] == [decode(raw).time_us for raw in RECORDED]
    assert time_us_of(b'{"did":"did:plc:a","text":"\\"time_us\\":1"}') is None


def test_the_search_finds_what_names_an_account() -> None:
    did = b"did:plc:r2zybk6op3ymzpz6jhqpkoy5"
    found = [raw for raw in RECORDED if concerns(raw, {did})]
    assert [raw for raw in found if did in raw] == [RECORDED[0]]
    assert [decode(raw).commit.operation for raw in found[1:]] == ["delete"] * 4  # type: ignore[union-attr]  # all commits
    assert not concerns(RECORDED[0], {did[:-1], did + b"x"}), "whole DIDs only"


def test_the_search_finds_accounts_that_go() -> None:
    gone = b'{"did":"did:plc:x","time_us":1,"kind":"account","account":{"active":false,"status":"deleted"}}'
    assert concerns(gone, set())
    assert not concerns(gone.replace(b"false", b"true"), set())


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ("2026-07-04T14:38:08.084Z", SEEN_MS - 1),
        ("2026-07-04T16:38:08.084123+02:00", SEEN_MS - 1),
        ("2026-07-04T14:28:08.085Z", SEEN_MS - PLAUSIBLE_MS),
        ("2026-07-04T14:28:08.084Z", SEEN_MS),
        ("2026-07-04T14:38:08.999Z", SEEN_MS),
        ("2019-01-01T00:00:00Z", SEEN_MS),
        ("2026-07-04T14:38:08", SEEN_MS),
        ("yesterday", SEEN_MS),
        (None, SEEN_MS),
    ],
)
def test_when_it_happened(created: str | None, expected: int) -> None:
    assert happened_ms(created, SEEN_MS * 1000 + 434) == expected


@pytest.mark.parametrize(
    ("embed", "expected"),
    [
        (b'{"$type":"app.bsky.embed.record","record":{"uri":"at://did:plc:a/app.bsky.feed.post/1"}}', True),
        (
            (
                b'{"$type":"app.bsky.embed.recordWithMedia","media":{},'
                b'"record":{"record":{"uri":"at://did:plc:a/app.bsky.feed.post/1"}}}'
            ),
            True,
        ),
        (
            b'{"$type":"app.bsky.embed.record","record":{"uri":"at://did:plc:a/app.bsky.feed.generator/1"}}',
            False,
        ),
        (b'{"$type":"app.bsky.embed.images","images":[]}', False),
        (b'{"$type":"app.bsky.embed.record"}', False),
        (b'"text"', False),
        (b"null", False),
    ],
)
def test_quotes(embed: bytes, expected: bool) -> None:
    commit = Commit("create", "app.bsky.feed.post", "1", msgspec.Raw(b'{"embed":' + embed + b"}"))
    assert quoted(post_of(commit)) == ("at://did:plc:a/app.bsky.feed.post/1" if expected else None)


def test_uris() -> None:
    assert split("at://did:plc:a/app.bsky.feed.post/1") == Uri("did:plc:a", "app.bsky.feed.post", "1")
    assert [split(uri) for uri in ("https://a/b/c", "at://did:plc:a", "at://a/b/c/d", "")] == [None] * 4


def test_the_address() -> None:
    asked = "wantedCollections=app.bsky.feed.like&wantedCollections=app.bsky.feed.repost&"
    asked += "wantedCollections=app.bsky.feed.post&maxMessageSizeBytes=8388608"
    assert subscription("wss://a/subscribe", None) == f"wss://a/subscribe?{asked}"
    assert subscription("wss://a/subscribe", 12) == f"wss://a/subscribe?{asked}&cursor=12"
    assert subscription("wss://a/subscribe?key=x", None) == f"wss://a/subscribe?key=x&{asked}"


def test_what_a_did_is() -> None:
    assert is_did("did:plc:r2zybk6op3ymzpz6jhqpkoy5")
    assert is_did("did:web:winter.example")
    assert not any(map(is_did, ("winter.example", "did:plc:", "did:plc:a b", "xdid:plc:a", "")))
