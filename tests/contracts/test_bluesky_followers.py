"""Followers from an API on this machine, beside a Jetstream on this machine."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from aiohttp import web
from tests.contracts.bluesky_api import LIKED, OTHER, Api, ByDid, Followed, let_pass, published

from resonanz_connectors.batch import SourceError
from resonanz_connectors.bluesky_rest import Rest
from resonanz_connectors.testing import Stage


async def rest(api: Api, dids: Sequence[str]) -> Mapping[str, int]:
    async with api.serving(), Rest(api.url) as client:
        return await client.followers(dids)


def test_at_most_25_actors_a_call() -> None:
    api = Api({f"did:plc:{number}": number for number in range(60)}, {})
    assert asyncio.run(rest(api, [f"did:plc:{number}" for number in range(61)])) == api.followers
    assert [len(actors) for _, actors in api.asked] == [25, 25, 11]


@pytest.mark.parametrize(
    ("answer", "reason", "patience"),
    [
        (web.Response(status=429, headers={"Retry-After": "120"}), "rate_limited", 120.0),
        (web.Response(status=503), "refused", None),
        (web.Response(status=429, headers={"Retry-After": "9" * 400}), "rate_limited", 86_400.0),
        (web.Response(status=429, headers={"Retry-After": "Wed, 21 Oct 2026"}), "rate_limited", None),
        (web.Response(text="<html>"), "not_understood", None),
        (web.Response(text="[" * 50_000), "not_understood", None),
        (web.Response(body=b'{"profiles":[{"did":"\xff"}]}'), "not_understood", None),
        (web.Response(text=" " * 2**21), "not_understood", None),
    ],
)
def test_answers_that_are_none(answer: web.Response, reason: str, patience: float | None) -> None:
    api = Api({}, {})
    api.answers = [answer]
    with pytest.raises(SourceError) as caught:
        asyncio.run(rest(api, ["did:plc:a"]))
    assert (caught.value.reason, caught.value.retry_after_seconds) == (reason, patience)


def test_a_did_that_is_none() -> None:
    async def ask() -> None:
        api = Api({}, {"winter.example": "winter"})
        async with api.serving(), Rest(api.url) as client:
            await client.did_of("winter.example")

    with pytest.raises(SourceError, match=r"127\.0\.0\.1 names something that is no DID"):
        asyncio.run(ask())


def test_an_api_that_is_away() -> None:
    async def ask() -> None:
        async with Rest("http://127.0.0.1:9") as client:
            await client.did_of("winter.example")

    with pytest.raises(
        SourceError,
        match=r"^127\.0\.0\.1 cannot be reached \(ClientConnectorError\); check this machine's network$",
    ):
        asyncio.run(ask())


# -- in the connector --------------------------------------------------------------------------------


def test_followers_at_the_start_and_every_quarter_of_an_hour(tmp_path: Path) -> None:
    playback = Followed(tmp_path)
    stage = Stage(playback)

    async def scenario() -> None:
        async with stage.running():
            await let_pass(stage, 60, lambda: len(published(stage, "audience")) == 2)
            playback.api.followers = {LIKED: 1201}
            await stage.clock.advance(13 * 60)
            assert len(published(stage, "audience")) == 2
            await let_pass(stage, 180, lambda: len(published(stage, "audience")) == 3)

    asyncio.run(scenario())
    found = [(event["account"], event["followers"]) for event in published(stage, "audience")]
    assert sorted(found[:2]) == [("bluesky:Winter.example", 1200), (f"bluesky:{OTHER}", 7)]
    assert found[2] == ("bluesky:Winter.example", 1201)
    times = [event["at_ms"] for event in published(stage, "audience")]
    assert times[2] - times[0] == pytest.approx(900_000, abs=1_000)
    errors = {status.account: status.errors for status in stage.statuses()}
    assert errors[f"bluesky:{OTHER}"] == {"no_profile": 1}
    assert all(status.rate_remaining == 2999 for status in stage.statuses())


def test_patience_with_the_api_does_not_stop_the_stream(tmp_path: Path) -> None:
    playback = ByDid(tmp_path, LIKED)
    playback.api.answers = [web.Response(status=429, headers={"Retry-After": "300"})]
    stage = Stage(playback)

    async def scenario() -> None:
        async with stage.running():
            await let_pass(stage, 60, lambda: len(playback.api.asked) == 1 and published(stage, "likes"))
            await stage.clock.advance(200)
            assert len(playback.api.asked) == 1
            await let_pass(stage, 200, lambda: bool(published(stage, "audience")))

    asyncio.run(scenario())
    assert [status.errors for status in stage.statuses()] == [{"followers_rate_limited": 1}]
