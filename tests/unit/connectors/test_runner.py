"""Connectors by name on the embedded log: what is found, what is refused, and a clean end."""

import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from resonanz_connectors.fakes import until
from resonanz_connectors.runner import connector_class, list_connectors, run_connectors
from resonanz_connectors.simulator import Simulator
from resonanz_connectors.stage import identities
from resonanz_streams.clock import wall_ms
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.events import Status
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import Settings, settings_of
from resonanz_streams.topics import SOURCE_TOPICS, STATUS
from resonanz_streams.transports.brokers import open_tail
from resonanz_streams.transports.ports import Outgoing


def settings(folder: Path, **more: Any) -> Settings:
    return settings_of(
        {
            "broker": "sqlite:///resonanz.db",
            "clients": {
                "bakery": {
                    "name": "Bakery",
                    "potential": 5000,
                    "accounts": [{"id": "instagram:bakery", "connector": "simulator"}],
                }
            },
            "connectors": {"simulator": {"backfill_days": 2, "incidents": []}},
            **more,
        },
        folder=folder,
        environment={"KEY": "0123456789abcdef0123456789abcdef"},
    )


def test_the_simulator_is_installed_and_says_what_it_does() -> None:
    listed = {item.name: item.summary for item in list_connectors()}
    assert listed["simulator"].startswith("Simulates an agency")
    assert connector_class("simulator") is Simulator


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        ConfigurationError, match=r"'simulater' is not installed; did you mean 'simulator'\?.*bluesky"
    ):
        connector_class("simulater")


def test_a_connector_needs_accounts(tmp_path: Path) -> None:
    wanted = settings(tmp_path)
    with pytest.raises(ConfigurationError, match="connector 'file' has no accounts; write connector: file"):
        asyncio.run(run_connectors(wanted, build_registry(wanted), ["file"]))


def test_wrong_options_stop_before_anything_runs(tmp_path: Path) -> None:
    wanted = settings(tmp_path, connectors={"simulator": {"sede": 3}})
    with pytest.raises(ConfigurationError, match=r"connectors\.simulator\.sede: is not an option"):
        asyncio.run(run_connectors(wanted, build_registry(wanted), ["simulator"]))


def test_a_broker_that_is_away_is_waited_for_until_a_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = settings(tmp_path, broker="kafka://127.0.0.1:9", pseudonym_key="${KEY}")
    stop = asyncio.Event()

    async def scenario() -> None:
        task = asyncio.create_task(run_connectors(wanted, build_registry(wanted), [], stop=stop))
        await until(lambda: bool(caplog.records))
        assert not task.done()
        stop.set()
        await asyncio.wait_for(task, 5)

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    assert caplog.records[0].getMessage() == (
        "Kafka does not answer at 127.0.0.1:9; start it, or correct broker in the configuration;"
        " it is used again once it answers; trying again in 1 s"
    )


def test_a_mistake_does_not_hide_behind_a_broker_that_is_away(tmp_path: Path) -> None:
    wanted = settings(
        tmp_path,
        broker="kafka://127.0.0.1:9",
        pseudonym_key="${KEY}",
        connectors={"simulator": {"sede": 3}},
    )
    with pytest.raises(ConfigurationError, match=r"connectors\.simulator\.sede: is not an option"):
        asyncio.run(run_connectors(wanted, build_registry(wanted), []))


def test_nothing_to_run_is_a_sentence_and_no_success(tmp_path: Path) -> None:
    wanted = settings(tmp_path, clients={"c": {"name": "C", "accounts": ["file:a17"]}})
    with pytest.raises(ConfigurationError, match="no account names a connector that could run"):
        asyncio.run(run_connectors(wanted, build_registry(wanted), []))


async def records(wanted: Settings, topics: Sequence[str]) -> list[Outgoing]:
    tail = open_tail(wanted.broker, topics)
    found: list[Outgoing] = []
    try:
        while not tail.caught_up():
            found.extend(Outgoing(r.topic, r.key, r.value) for r in await tail.poll(0.1))
    finally:
        await tail.close()
    return found


def stored(wanted: Settings) -> bool:
    return Path(wanted.broker.removeprefix("sqlite:///")).exists()


async def heartbeats(wanted: Settings) -> list[Status]:
    return [
        msgspec.json.decode(r.value or b"", type=Status) for r in await records(wanted, [STATUS]) if r.value
    ]


async def run_until_live(wanted: Settings, *, stop_by_signal: bool) -> list[Status]:
    """Run until a heartbeat says that all of the past is published, then stop."""
    stop = None if stop_by_signal else asyncio.Event()
    task = asyncio.create_task(run_connectors(wanted, build_registry(wanted), [], stop=stop))
    deadline = asyncio.get_running_loop().time() + 30
    known: list[Status] = []
    earlier = await heartbeats(wanted) if stored(wanted) else []
    began_ms = wall_ms()
    while not any(
        s.cursor and s.state == "ok" and s.complete_through_ms > began_ms - 60_000 and s not in earlier
        for s in known
    ):
        assert not task.done(), task.exception()
        assert asyncio.get_running_loop().time() < deadline, "it never came alive"
        await asyncio.wait({task}, timeout=0.05)
        if stored(wanted):
            known = await heartbeats(wanted)
    if stop is None:
        os.kill(os.getpid(), signal.SIGTERM)
    else:
        stop.set()
    await asyncio.wait_for(task, 20)
    return await heartbeats(wanted)


def test_a_signal_ends_it_with_a_last_word(tmp_path: Path) -> None:
    last = asyncio.run(run_until_live(settings(tmp_path), stop_by_signal=True))[-1]
    assert (last.state, last.ended) == ("down", False)
    assert last.cursor


def test_it_fills_the_past_stops_cleanly_and_goes_on_without_a_gap(tmp_path: Path) -> None:
    wanted = settings(tmp_path)

    async def scenario() -> None:
        first = (await run_until_live(wanted, stop_by_signal=False))[-1]
        assert first.state == "down"
        assert first.cursor
        found = identities(await records(wanted, SOURCE_TOPICS))
        assert len(found) > 50
        second = (await run_until_live(wanted, stop_by_signal=False))[-1]
        assert second.since_ms == first.since_ms
        assert second.complete_through_ms > first.complete_through_ms
        assert second.gaps == []
        assert (second.cursor or "").split(":")[0] == first.cursor.split(":")[0], "the same first start"
        assert identities(await records(wanted, SOURCE_TOPICS)) >= found

    asyncio.run(scenario())
