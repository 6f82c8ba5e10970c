"""Accounts that are configured by their handle."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.contracts.bluesky_api import LIKED, OTHER, ByDid, Followed, let_pass, published
from tests.contracts.jetstream_server import time_us
from tests.contracts.recorded_jetstream import RECORDED

from resonanz_connectors.testing import Stage
from resonanz_streams.errors import ConfigurationError


def test_handles_become_accounts(tmp_path: Path) -> None:
    playback = Followed(tmp_path)
    stage = Stage(playback)

    async def scenario() -> None:
        async with stage.running():
            await let_pass(stage, 60, lambda: len(published(stage, "likes")) == 2)
            await stage.clock.advance(4)

    asyncio.run(scenario())
    likes = {event["account"]: event for event in published(stage, "likes")}
    assert likes["bluesky:Winter.example"]["object"] == f"at://{LIKED}/app.bsky.feed.post/3mpsjbtci2c2o"
    statuses = {status.account: status for status in stage.statuses()}
    assert statuses["bluesky:nobody.example"].state == "down"
    assert statuses["bluesky:nobody.example"].errors["unknown_handle"] >= 1


def test_without_any_did_it_waits_for_the_api(tmp_path: Path) -> None:
    class OnlyHandles(Followed):
        def __init__(self, folder: Path) -> None:
            super().__init__(folder)
            self.clients = {"a": {"name": "A", "accounts": ["bluesky:winter.example"]}}
            self.api.answers = [
                web.Response(status=503),
                web.Response(status=429, headers={"Retry-After": "45"}),
            ]

        def options(self) -> Mapping[str, Any]:
            return {**super().options(), "handles": []}

    playback = OnlyHandles(tmp_path)
    stage = Stage(playback)

    async def scenario() -> None:
        async with stage.running():
            await let_pass(stage, 90, lambda: len(published(stage, "likes")) == 1)

    asyncio.run(scenario())
    assert max(stage.clock.slept) >= 45, "it was patient for as long as it was asked to be"
    (status,) = stage.statuses()
    assert status.errors == {"refused": 1, "rate_limited": 1}


def test_a_handle_that_is_no_account(tmp_path: Path) -> None:
    class Mistaken(ByDid):
        def options(self) -> Mapping[str, Any]:
            return {**super().options(), "handles": ["winter.example"]}

    playback = Mistaken(tmp_path, OTHER)

    async def scenario() -> None:
        async with Stage(playback).running():
            raise AssertionError("it must not begin")

    sentence = (
        "connectors.bluesky.handles: winter.example is no account; write under a client:"
        ' accounts: ["bluesky:winter.example"]'
    )
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(scenario())
    assert str(caught.value) == sentence


class Handles(Followed):
    """These accounts and no others."""

    def __init__(self, folder: Path, *accounts: str) -> None:
        super().__init__(folder)
        self.clients = {"a": {"name": "A", "accounts": list(accounts)}}

    def options(self) -> Mapping[str, Any]:
        return {**super().options(), "handles": []}


def moved(message: bytes, seconds: float) -> bytes:
    """The same message, so much later, under another name."""
    at_us = time_us(message)
    return message.replace(b"%d" % at_us, b"%d" % (at_us + round(seconds * 1e6))).replace(
        b'"rkey":"', b'"rkey":"again-'
    )


def test_what_went_by_before_a_handle_was_known_is_not_called_watched(tmp_path: Path) -> None:
    """
    ::

        OTHER           ├──────────────────────────
        winter.example  ? ? ? like ? ? ├─ like ────      since: when its DID was found
    """
    playback = Handles(tmp_path, f"bluesky:{OTHER}", "bluesky:winter.example")
    playback.api.answers = [web.Response(status=503), web.Response(status=503)]
    playback.server.messages = [*RECORDED, moved(RECORDED[0], 100)]
    playback.server.released = len(RECORDED)
    stage = Stage(playback)
    newest_ms = max(map(time_us, RECORDED)) // 1000

    async def scenario() -> None:
        async with stage.running():
            await let_pass(stage, 4, lambda: len(published(stage, "audience")) == 1)
            await stage.clock.advance(3)
            winter = {status.account: status for status in stage.statuses()}["bluesky:winter.example"]
            assert winter.complete_through_ms == playback.start_ms, "nothing is known of it"
            assert winter.errors == {"handle_unresolved": 2}
            await let_pass(stage, 80, lambda: len(published(stage, "audience")) == 3)
            playback.server.release(len(playback.server.messages))
            await let_pass(
                stage, 20, lambda: published(stage, "likes")[-1]["account"].endswith("winter.example")
            )
            await stage.clock.advance(3)

    asyncio.run(scenario())
    statuses = {status.account: status for status in stage.statuses()}
    winter, other = statuses["bluesky:winter.example"], statuses[f"bluesky:{OTHER}"]
    assert winter.since_ms == newest_ms
    assert (
        winter.complete_through_ms
        == other.complete_through_ms
        == (time_us(playback.server.messages[-1]) // 1000 - 2_000)
    )
    assert (winter.gaps, other.gaps) == ([], [])


def test_what_a_known_account_missed_while_its_handle_was_not_is_a_gap(tmp_path: Path) -> None:
    playback = Handles(tmp_path, f"bluesky:{OTHER}", "bluesky:winter.example")
    playback.server.released = 10
    stage = Stage(playback)
    newest_ms = max(map(time_us, RECORDED)) // 1000

    async def scenario() -> None:
        async with stage.running():
            await let_pass(stage, 60, lambda: len(published(stage, "audience")) == 2)
            await stage.clock.advance(3)
        playback.api.answers = [web.Response(status=503) for _ in range(2)]
        playback.server.released = len(RECORDED)
        async with stage.running():
            await let_pass(stage, 4, lambda: len(published(stage, "audience")) == 3)
            await let_pass(stage, 80, lambda: len(published(stage, "audience")) == 5)
            await stage.clock.advance(3)

    asyncio.run(scenario())
    gaps = {status.account: status.gaps for status in stage.statuses()}
    assert gaps[f"bluesky:{OTHER}"] == []
    ((start, end),) = gaps["bluesky:winter.example"]
    assert start <= max(map(time_us, RECORDED[:10])) // 1000
    assert end == newest_ms


def test_two_names_of_one_account(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    playback = Handles(tmp_path, f"bluesky:{LIKED}", "bluesky:winter.example")
    stage = Stage(playback)

    async def scenario() -> None:
        async with stage.running():
            await let_pass(stage, 60, lambda: published(stage, "audience"))
            await stage.clock.advance(4)

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    states = {status.account: status.errors for status in stage.statuses()}
    assert states == {f"bluesky:{LIKED}": {}, "bluesky:winter.example": {"same_as_another": 1}}
    assert [record.getMessage() for record in caplog.records] == [
        f"bluesky: bluesky:winter.example: is the same as bluesky:{LIKED}; leave one of them out"
    ]


def test_a_handle_that_nobody_has_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    playback = Handles(tmp_path, "bluesky:nobody.example")
    stage = Stage(playback)

    async def scenario() -> None:
        async with stage.running():
            await let_pass(stage, 60, lambda: len(playback.api.asked) >= 2)
            for number in (3, 4):
                await stage.clock.advance(901)
                await let_pass(stage, 1, lambda: len(playback.api.asked) >= number)  # noqa: B023  # at once
            await stage.clock.advance(3)

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    (status,) = stage.statuses()
    assert status.state == "down"
    assert status.errors["unknown_handle"] >= 3
    assert status.complete_through_ms == playback.start_ms, "nobody watches it"
    assert [record.getMessage() for record in caplog.records] == [
        "bluesky: bluesky:nobody.example: nobody has the handle nobody.example; correct it"
    ]


def test_without_a_network_each_attempt_says_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Offline(Handles):
        def options(self) -> Mapping[str, Any]:
            return {**super().options(), "api": "http://127.0.0.1:9"}

    stage = Stage(Offline(tmp_path, "bluesky:winter.example"))

    async def scenario() -> None:
        async with stage.running():
            await let_pass(stage, 9, lambda: len(caplog.records) >= 3)
            await stage.clock.advance(3)
            (status,) = stage.statuses()
            assert (status.state, status.errors) == ("down", {"unreachable": len(caplog.records)})

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    assert caplog.records[0].getMessage() == (
        "bluesky: the handle winter.example cannot be looked up: 127.0.0.1 cannot be reached"
        " (ClientConnectorError); check this machine's network; trying again in 1 s"
    )
    assert all(record.exc_info is None for record in caplog.records)


@pytest.mark.parametrize("account", ["bluesky:winter", "bluesky:did:plc:a b", "bluesky:https://x.example"])
def test_what_is_neither_a_handle_nor_a_did(tmp_path: Path, account: str) -> None:
    async def scenario() -> None:
        async with Stage(Handles(tmp_path, account)).running():
            raise AssertionError("it must not begin")

    with pytest.raises(ConfigurationError, match=r"names no account of Bluesky; write bluesky: and a handle"):
        asyncio.run(scenario())
