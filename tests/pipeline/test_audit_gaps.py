"""What cannot be compared or read, an audit says, and never calls right."""

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.brokers import Broker
from tests.counting import ACCOUNTS, Counting, audited, records, settings_on
from tests.engines import NOW_MS, event
from tests.pipeline.test_audit import MINUTE, change_state, counted, load, offset_of
from tests.pipeline.test_care_beside import resonanz
from tests.pipeline.test_rebuild import rebuilt
from tests.pipeline.test_redrive import configure

from resonanz_streams.audit import audit
from resonanz_streams.current import latest_snapshots
from resonanz_streams.errors import StopError
from resonanz_streams.registry import build_registry
from resonanz_streams.topics import KPIS
from resonanz_streams.transports.brokers import open_archive
from resonanz_streams.transports.ports import Archive, Outgoing


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def sqlite(tmp_path: Path) -> Broker:
    broker = Broker(f"sqlite:///{tmp_path}/log.db", "")
    broker.create_topics()
    return broker


def delete_state(broker: Broker, partition: int) -> None:
    connection = sqlite3.connect(broker.url.removeprefix("sqlite:///"))
    with connection:
        connection.execute("DELETE FROM state WHERE partition = ?", (partition,))
    connection.close()


async def told_of_a(broker: Broker) -> tuple[int, dict[str, Any]]:
    """The newest snapshot of file:a, and its partition."""
    told = [record for record in await broker.everything(KPIS) if record.key == b"file:a"][-1]
    return told.partition, json.loads(told.value or b"")


def test_a_partition_whose_state_is_gone_is_not_called_right(tmp_path: Path) -> None:
    broker = sqlite(tmp_path)

    async def scene() -> None:
        settings = settings_on(broker)
        broker.publish(*records([event(account=name) for name in ACCOUNTS]))
        await counted(settings)
        partition, _ = await offset_of(settings, "likes", b'"file:a"')
        delete_state(broker, partition)
        report = await audited(settings, at_ms=NOW_MS + MINUTE)
        ((where, why),) = report.missing.items()
        assert where == f"state of partition {partition}"
        assert why.startswith("is not there, though the log holds ")
        assert report.wrong
        assert report.summary().endswith("0 differ; of 1 there is nothing to compare.")
        assert report.document()["missing"] == {where: why}

    run(scene())


def test_accounts_of_which_nothing_is_told_are_named(tmp_path: Path) -> None:
    broker = sqlite(tmp_path)

    async def scene() -> None:
        settings = settings_on(broker, *ACCOUNTS[:2])
        broker.publish(*records([event(account="file:a")]))
        await counted(settings)
        assert not (await audited(settings, at_ms=NOW_MS + MINUTE)).wrong
        for name in ("file:a", "file:b"):
            partition, _ = await offset_of(settings, KPIS, f'"{name}"'.encode())
            broker.publish(Outgoing(KPIS, name.encode(), None, partition=partition))
        report = await audited(settings, at_ms=NOW_MS + MINUTE)
        # Nothing ever came to file:b: that a worker just started has not told it yet is no matter.
        assert [d.account for d in report.differences] == ["file:a"]
        assert [(d.figure, d.live, d.recomputed) for d in report.differences] == [
            ("snapshot", "missing", "present")
        ]

    run(scene())


class Meanwhile:
    """An archive; before its first look at a state ``happens``, something does."""

    def __init__(self, archive: Archive, happens: Callable[[], Awaitable[None]]) -> None:
        self._archive = archive
        self._happens: list[Callable[[], Awaitable[None]]] = [happens]

    async def state(self, partition: int) -> Mapping[bytes, bytes]:
        while self._happens:
            await self._happens.pop()()
        return await self._archive.state(partition)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._archive, name)


def test_an_account_that_is_counted_and_told_while_the_audit_reads_is_not_missing(tmp_path: Path) -> None:
    broker = sqlite(tmp_path)

    async def scene() -> None:
        settings = settings_on(broker)
        broker.publish(*records([event(account="file:a")]))
        archive = open_archive(settings.broker, prefix="", group=settings.group)
        meanwhile: Any = Meanwhile(archive, lambda: counted(settings))
        report = await audit(settings, build_registry(settings), meanwhile, clock=lambda: NOW_MS + MINUTE)
        await archive.close()
        assert (report.wrong, report.missing) == (False, {})

    run(scene())


def test_a_state_that_knows_no_time_is_not_called_right(tmp_path: Path) -> None:
    """By the event clock it was in the head, which was damaged; only a worker finds the time again."""
    broker = sqlite(tmp_path)

    async def scene() -> None:
        settings = settings_on(broker, clock="event")
        broker.publish(*records(load(1, 300)))
        await counted(settings, ticks=1)
        await change_state(settings, b"m", lambda _row: b"nonsense")
        await rebuilt(settings)
        report = await audited(settings)
        assert {why.partition(";")[0] for why in report.missing.values()} == {
            "does not say what time it had reached"
        }
        assert report.wrong
        assert report.figures == 0
        async with Counting(settings) as worker:
            await worker.tick()
        report = await audited(settings)
        assert (report.missing, report.differences) == ({}, [])

    run(scene())


@pytest.mark.parametrize(
    ("change", "figure", "live"),
    [
        ({"account": "file:b"}, "account", "file:b"),
        ({"client": "other"}, "client", "other"),
        ({"at_ms": 10**17}, "snapshot", "not readable"),
        ({"read": {"likes": 2**63}}, "snapshot", "not readable"),
        ({"kpis": [{"kpi": "interactions", "window": "2h", "value": 1.0}]}, "interactions", 1.0),
        (None, "snapshot", "not readable"),
    ],
)
def test_a_snapshot_that_says_something_else_is_a_difference(
    tmp_path: Path, change: dict[str, Any] | None, figure: str, live: Any
) -> None:
    broker = sqlite(tmp_path)

    async def scene() -> None:
        settings = settings_on(broker)
        broker.publish(*records([event(account="file:a")]))
        await counted(settings)
        partition, snapshot = await told_of_a(broker)
        value = b'{"v": 1,' if change is None else json.dumps(snapshot | change).encode()
        broker.publish(Outgoing(KPIS, b"file:a", value, partition=partition))
        report = await audited(settings, at_ms=NOW_MS + MINUTE)
        assert {d.account for d in report.differences} == {"file:a"}
        assert (figure, live) in [(d.figure, d.live) for d in report.differences]
        assert all(f"kpis/{partition}@" in d.where for d in report.differences)

    run(scene())


def test_a_figure_that_must_be_absent_is_recomputed_as_absent(tmp_path: Path) -> None:
    broker = sqlite(tmp_path)

    async def scene() -> None:
        settings = settings_on(broker)
        broker.publish(*records([event(account="file:a")]))
        await counted(settings)
        partition, snapshot = await told_of_a(broker)
        entry = next(e for e in snapshot["kpis"] if e.get("reason") == "no_followers")
        entry["value"] = 0.5
        broker.publish(Outgoing(KPIS, b"file:a", json.dumps(snapshot).encode(), partition=partition))
        report = await audited(settings, at_ms=NOW_MS + MINUTE)
        assert [(d.live, d.recomputed) for d in report.differences] == [(0.5, None)]

    run(scene())


def test_a_snapshot_that_cannot_be_read_is_no_answer_to_a_query(tmp_path: Path) -> None:
    broker = sqlite(tmp_path)
    settings = settings_on(broker)
    broker.publish(Outgoing(KPIS, b"file:a", b'{"v": 1,', partition=1))
    with pytest.raises(StopError, match=r"kpis/1@0 is no snapshot of file:a .*tells it again within 30 s"):
        asyncio.run(latest_snapshots(settings, "file:a"))


def test_a_dead_letter_with_any_offset_is_read(tmp_path: Path) -> None:
    broker = sqlite(tmp_path)

    async def scene() -> None:
        settings = settings_on(broker)
        broker.publish(*records([event(account="file:a")]))
        await counted(settings)
        for digits in (b"7" * 5_000, b"7" * 25, b"", b"-1"):
            headers = [("reason", b"not_json"), ("topic", b"likes"), ("partition", b"0"), ("offset", digits)]
            broker.publish(Outgoing("dead-letters", None, b"x", headers))
        report = await audited(settings, at_ms=NOW_MS + MINUTE)
        assert (report.differences, report.wrong) == ([], False)

    run(scene())


def test_the_command_fails_with_a_sentence_where_there_is_nothing_to_compare(tmp_path: Path) -> None:
    broker = sqlite(tmp_path)
    config = configure(tmp_path, broker, *ACCOUNTS)
    broker.publish(*records([event(account=name) for name in ACCOUNTS]))
    clients = {"fleet": {"name": "Fleet", "accounts": list(ACCOUNTS)}}
    asyncio.run(counted(settings_on(broker, clients=clients)))
    partition, _ = asyncio.run(offset_of(settings_on(broker), "likes", b'"file:a"'))
    assert resonanz(config, "audit", "file:a").returncode == 0
    delete_state(broker, partition)
    done = resonanz(config, "audit")
    assert done.returncode == 1
    assert f"The state of partition {partition} is not there, though the log holds " in done.stderr
    assert "0 differ; of 1 there is nothing to compare." in done.stdout
