"""An audit after the configuration was changed: what may differ for that alone is told apart."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.brokers import Broker
from tests.counting import Counting, audited, records, settings_on
from tests.engines import KEY, NOW_MS, event

from resonanz_streams import cli
from resonanz_streams.rebuild import rebuild
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import Settings

MINUTE, HOUR = 60_000, 3_600_000
ACCOUNTS = ("file:a", "file:b")


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


@pytest.fixture
def log(tmp_path: Path) -> Broker:
    broker = Broker(f"sqlite:///{tmp_path}/log.db", "")
    broker.create_topics()
    return broker


def by(log: Broker, **client: Any) -> Settings:
    """The client of the accounts, and another one that is never changed."""
    fleet = {"name": "Fleet", "potential": 1000, "accounts": list(ACCOUNTS), **client}
    other = {"name": "Other", "accounts": ["file:e"]}
    return settings_on(log, clients={"fleet": fleet, "other": other})


def of_ann(account: str, settings: Settings, **more: Any) -> dict[str, Any]:
    actor = build_registry(settings).pseudonym("fleet", "ann")
    return event(account=account, actor=actor, object="o", at_ms=NOW_MS - HOUR, **more)


async def counted_across(log: Broker, before: Settings, after: Settings) -> None:
    """Events, the change while the worker runs, and more events; everything is told."""
    log.publish(*records([of_ann("file:a", before), event(account="file:e", at_ms=NOW_MS - HOUR)]))
    async with Counting(before) as worker:
        await worker.read()
        await worker.tick()
        worker.pipeline.adopt(after, worker.registry.by(after))
        await worker.tick(MINUTE)
        log.publish(*records([of_ann("file:b", after, id="2")]))
        await worker.read()
        await worker.tick(MINUTE)
        await worker.tick(MINUTE)


def test_people_who_became_own_ones_are_the_reason_that_is_told(log: Broker) -> None:
    async def scene() -> None:
        before, after = by(log), by(log, own_actors=["ann"])
        await counted_across(log, before, after)
        report = await audited(after, at_ms=NOW_MS + HOUR)
        assert {(one.account, one.rules_since_ms) for one in report.differences} == {
            ("file:a", NOW_MS + MINUTE),
        }
        assert (report.wrong, report.outdated) == (True, set())
        assert {one.source for one in report.differences} == {"state", "kpis"}

        await rebuild(after, build_registry(after), clock=lambda: NOW_MS + 4 * MINUTE)
        async with Counting(after, clock_ms=NOW_MS + 5 * MINUTE) as worker:
            await worker.tick(MINUTE)
            await worker.tick(MINUTE)
        report = await audited(after, at_ms=NOW_MS + HOUR)
        assert (report.differences, report.rules_since_ms) == ([], {})

    run(scene())


def test_what_changes_no_count_makes_no_difference(log: Broker) -> None:
    async def scene() -> None:
        before, after = by(log), by(log, potential=500, timezone="Europe/Berlin")
        await counted_across(log, before, after)
        report = await audited(after, at_ms=NOW_MS + HOUR)
        assert (report.differences, report.rules_since_ms, report.outdated) == ([], {}, set())

    run(scene())


def test_what_no_worker_has_taken_over_yet_is_told(log: Broker) -> None:
    async def scene() -> None:
        await counted_across(log, by(log), by(log))
        report = await audited(by(log, topics={"oat": []}), at_ms=NOW_MS + HOUR)
        assert (report.differences, report.outdated) == ([], {"fleet"})

    run(scene())


def test_the_command_says_so_in_words_and_for_programs(
    log: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(counted_across(log, by(log), by(log, own_actors=["ann"])))
    (tmp_path / "key").write_text(KEY)
    path = tmp_path / "resonanz.yaml"
    path.write_text(
        f"broker: {log.url}\ngroup: g\npartitions: 3\npseudonym_key: file:key\n"
        "clients:\n  fleet:\n    name: Fleet\n    potential: 1000\n    own_actors: [ann]\n"
        f"    accounts: {json.dumps(list(ACCOUNTS))}\n  other: {{name: Other, accounts: ['file:e']}}\n"
    )
    assert cli.run(["audit", "--config", str(path)]) == 1
    printed = " ".join(capsys.readouterr().err.split())
    assert (
        "Of 1 of these accounts the client's own actors, topics, venues or flags were others until "
        "2023-11-14 22:14:20 UTC" in printed
    )
    assert cli.run(["audit", "--json", "--config", str(path)]) == 1
    document = json.loads(capsys.readouterr().out)
    assert {one["rules_since_ms"] for one in document["differences"]} == {NOW_MS + MINUTE}
    assert document["outdated_clients"] == []
