"""/metrics, /healthz and /readyz of a worker."""

import asyncio
import gzip
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from tests.engines import NOW_MS, event
from tests.stores import Played, heartbeat

from resonanz_streams.errors import StopError
from resonanz_streams.exporter import CONTENT_TYPE, Exporter, serve
from resonanz_streams.exposition import CHUNK_LINES, DEFAULT_SERIES, series_of
from resonanz_streams.metrics import build_metrics

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
PER_ACCOUNT = 9 + 1 + 3 + 3 + 1 + 1 + 1


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def exporter_of(played: Played, *, ready: Callable[[], str] = lambda: "", **options: Any) -> Exporter:
    registry = build_metrics(played.pipeline, lambda: played.clock_ms)
    return Exporter(played.pipeline, registry, DEFAULT_SERIES, ready=ready, **options)


def scraped(exporter: Exporter) -> dict[str, dict[tuple[str, ...], float]]:
    """Per metric, the values by its label values in the order of their names."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(b"".join(exporter.text()).decode()):
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in sorted(sample.labels))
            assert labels not in found.setdefault(sample.name, {}), "no series stands there twice"
            found[sample.name][labels] = sample.value
    return found


def accounts_in(exporter: Exporter) -> list[str]:
    return [labels[0] for labels in scraped(exporter).get("resonanz_account_info", {})]


# -- which accounts ------------------------------------------------------------------------------------


def test_only_accounts_of_owned_partitions_are_exported() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:b", "file:e")
        await played.own(0, 3)
        for name in ("file:a", "file:b", "file:e"):
            played.pipeline.observe(heartbeat(name))
        await played.tick()
        exporter = exporter_of(played)
        assert accounts_in(exporter) == ["file:a", "file:b"]
        assert {labels[0] for labels in scraped(exporter)["resonanz_connector_info"]} == {"file:a", "file:b"}
        await played.own(3)
        assert accounts_in(exporter) == ["file:b"]

    run(scene())


def test_nothing_is_exported_while_a_partition_is_recovered() -> None:
    async def scene() -> None:
        played = Played("file:a")
        exporter = exporter_of(played)
        during: list[dict[str, Any]] = []

        class Watched(type(played.store)):  # type: ignore[misc]  # the class of the store at hand
            async def recover(self, partition: int) -> Any:
                during.append(scraped(exporter))
                return await super().recover(partition)

        played.pipeline._store = Watched()
        await played.own(0)
        assert during[0]["resonanz_recovering"] == {(): 1.0}
        assert "resonanz_account_info" not in during[0]
        assert scraped(exporter)["resonanz_recovering"] == {(): 0.0}

    run(scene())


def test_on_the_event_clock_nothing_is_exported_before_time_begins() -> None:
    async def scene() -> None:
        played = Played("file:a", clock="event")
        await played.own(0)
        await played.read(event())
        await played.tick()
        assert "resonanz_account_info" not in scraped(exporter_of(played))

    run(scene())


def test_by_the_wall_clock_a_scrape_shows_what_came_since_the_last_cycle() -> None:
    async def scene() -> None:
        played = Played("file:a")
        await played.own(0)
        await played.tick()
        played.clock_ms += 700
        await played.read(event(at_ms=NOW_MS + 600))
        shown = scraped(exporter_of(played))["resonanz_interactions_24h"]
        assert shown["file:a", "fleet", "like", "file"] == 1

    run(scene())


def test_a_partition_that_goes_to_another_owner_during_a_scrape_is_left_out() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:b")
        await played.own(0, 3)
        await played.tick()
        shown = played.pipeline.refreshed()
        first = next(shown)
        assert [account.id for account in first.accounts] == ["file:a"]
        await played.own(0)
        assert list(shown) == []

    run(scene())


def test_by_the_event_clock_only_a_cycle_lets_time_pass() -> None:
    async def scene() -> None:
        played = Played("file:a", clock="event")
        await played.own(0)
        for topic, kind in (("likes", "like"), ("comments", "comment"), ("shares", "share")):
            await played.read(event(kind=kind, id=kind), topic=topic)
        exporter = exporter_of(played)
        assert "resonanz_account_info" not in scraped(exporter)
        await played.tick()
        assert accounts_in(exporter) == ["file:a"]

    run(scene())


def test_an_account_that_was_idle_for_28_days_leaves_unless_somebody_watches_it() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:d", "file:x", partitions=1)
        await played.own()
        exporter = exporter_of(played)
        await played.read(event(at_ms=NOW_MS))
        played.pipeline.observe(heartbeat("file:d", at_ms=NOW_MS))
        await played.tick()
        assert accounts_in(exporter) == ["file:a", "file:d"], "of file:x nothing was ever heard"
        await played.tick(20 * DAY)
        played.pipeline.observe(heartbeat("file:d", at_ms=NOW_MS, complete_through_ms=NOW_MS + 5 * DAY))
        await played.tick(8 * DAY + HOUR)
        assert accounts_in(exporter) == ["file:d"]
        await played.tick(20 * DAY)
        assert accounts_in(exporter) == []

    run(scene())


def test_the_cap_leaves_out_whole_accounts_in_a_stable_order() -> None:
    async def scene() -> None:
        names = [f"file:{number}" for number in range(10)]
        played = Played(*names, partitions=1)
        await played.own()
        for name in reversed(names):
            await played.read(event(account=name))
        await played.tick()
        exporter = exporter_of(played, cap=3 * PER_ACCOUNT + PER_ACCOUNT - 1)
        assert accounts_in(exporter) == names[:3]
        found = scraped(exporter)
        assert found["resonanz_series_suppressed"] == {(): 7.0 * PER_ACCOUNT}
        by_account = {labels[0] for labels in found["resonanz_interactions_5m"]}
        assert by_account == set(names[:3])
        assert scraped(exporter_of(played))["resonanz_series_suppressed"] == {(): 0.0}

    run(scene())


def test_the_cap_counts_over_all_partitions() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:b", "file:d", "file:e")
        await played.own()
        for name in ("file:a", "file:b", "file:d", "file:e"):
            await played.read(event(account=name))
        await played.tick()
        assert accounts_in(exporter_of(played, cap=3 * PER_ACCOUNT)) == ["file:a", "file:d", "file:e"]
        assert accounts_in(exporter_of(played, cap=0)) == []

    run(scene())


def test_the_series_are_counted() -> None:
    async def scene() -> None:
        played = Played("file:a", "file:b")
        await played.own()
        await played.read(event(), event(account="file:b"))
        await played.tick()
        found = scraped(exporter_of(played))
        own = [name for name in found if any("file:a" in labels for labels in found[name])]
        assert found["resonanz_series"] == {(): float(sum(len(found[name]) for name in own))}
        # A like in three windows, velocity, potential with its interval, coverage, info; nobody watched, so
        # comments and shares are absent and not zero, and nobody knows of followers.
        assert found["resonanz_series"] == {(): 2.0 * (3 + 1 + 3 + 1 + 1)}

    run(scene())


def test_the_handle_stands_in_account_info_alone() -> None:
    async def scene() -> None:
        clients = {"fleet": {"name": "F", "accounts": [{"id": "file:a", "handle": 'w"x'}, "file:d"]}}
        played = Played(partitions=1, clients=clients)
        await played.own()
        await played.read(event(), event(account="file:d"))
        await played.tick()
        assert scraped(exporter_of(played))["resonanz_account_info"] == {
            ("file:a", "fleet", 'w"x', "file"): 1.0, ("file:d", "fleet", "", "file"): 1.0
        }  # fmt: skip

    run(scene())


# -- the format ----------------------------------------------------------------------------------------


async def full_of_everything() -> Played:
    played = Played("file:a", "file:b", "mastodon:@ü@b.social", partitions=1)
    await played.own()
    await played.read(event(), event(id="2", count=-5, account="file:b"), event(source='we"b\\hook'))
    await played.read(b"{", b"\xff", partition=0)
    await played.read(
        {"id": "s", "source": "file", "account": "file:a", "at_ms": NOW_MS - HOUR, "followers": 300},
        topic="audience",
    )
    played.pipeline.observe(heartbeat(gaps=[(0, 5_000)]))
    played.pipeline.observe(heartbeat("mastodon:@ü@b.social", connector='odd"one'))
    await played.tick()
    return played


def test_promtool_finds_nothing_to_mend() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        missing = "promtool is missing; install it with: apt-get install prometheus"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    played = asyncio.run(full_of_everything())
    exporter = Exporter(
        played.pipeline,
        build_metrics(played.pipeline, lambda: NOW_MS),
        series_of({"interactions": ["28d"], "velocity": ["24h"], "interactions_per_potential": ["1m"]}),
        ready=lambda: "",
    )
    text = b"".join(exporter.text())
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (0, "", "")


def test_every_pipeline_metric_of_the_contract_is_there() -> None:
    found = scraped(exporter_of(asyncio.run(full_of_everything())))
    assert found["resonanz_events_total"] == {
        # In the order of the label names: kind, outcome, source.
        ("like", "counted", "file"): 2.0,
        ("like", "counted", 'we"b\\hook'): 1.0,
        ("like", "dead_letter", ""): 2.0,
        ("audience", "counted", "file"): 1.0,
    }
    assert found["resonanz_dead_letters_total"] == {("not_json",): 2.0}
    assert found["resonanz_event_lag_seconds"] == {("0",): 0.0}
    assert found["resonanz_recovering"] == {(): 0.0}
    assert found["resonanz_series"][()] > 0
    assert found["resonanz_series_suppressed"] == {(): 0.0}
    assert found["resonanz_account_info"]["file:a", "fleet", "", "file"] == 1.0
    assert found["resonanz_connector_info"]["file:a", "fleet", "file", "file"] == 1.0
    assert found["resonanz_connector_last_success_timestamp_seconds"]["file:a", "file"] == NOW_MS / 1000
    assert found["resonanz_connector_gap_seconds_total"] == {
        ("file:a", "file"): 5.0, ("mastodon:@ü@b.social", 'odd"one'): 0.0
    }  # fmt: skip


def test_no_chunk_holds_the_event_loop_for_long() -> None:
    """Connectors' series grow with the accounts: they are written in chunks too."""

    async def scene() -> None:
        names = [f"file:{number}" for number in range(5000)]
        played = Played(*names, partitions=1)
        await played.own()
        for name in names:
            played.pipeline.observe(heartbeat(name))
        await played.tick(budget_seconds=0.0)
        lines = [chunk.count(b"\n") for chunk in exporter_of(played).text()]
        assert sum(lines) > 5000 * (PER_ACCOUNT - 6 + 3)
        assert max(lines) <= CHUNK_LINES + 2

    run(scene())


# -- HTTP ----------------------------------------------------------------------------------------------


def test_over_http() -> None:
    async def scene() -> None:
        played = await full_of_everything()
        problem = "recovering 3 partitions"
        exporter = exporter_of(played, ready=lambda: problem)
        async with TestClient(TestServer(exporter.application()), auto_decompress=False) as client:
            alive = await client.get("/healthz")
            assert (alive.status, await alive.text()) == (200, "alive\n")
            waiting = await client.get("/readyz")
            assert (waiting.status, await waiting.text()) == (503, "recovering 3 partitions\n")
            problem = ""
            ready = await client.get("/readyz")
            assert (ready.status, await ready.text()) == (200, "ready\n")
            plain = await client.get("/metrics", headers={"Accept-Encoding": "identity"})
            assert (plain.status, plain.headers["Content-Type"]) == (200, CONTENT_TYPE)
            packed = await client.get("/metrics", headers={"Accept-Encoding": "gzip"})
            assert packed.headers["Content-Encoding"] == "gzip"
            same = [
                [line for line in body.decode().splitlines() if line.startswith("resonanz_")]
                for body in (await plain.read(), gzip.decompress(await packed.read()))
            ]
            assert same[0] == same[1]
            assert len(same[0]) > 40
            assert (await client.get("/nothing")).status == 404

    run(scene())


def test_a_scraper_that_has_hung_up_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    @web.middleware
    async def late(request: web.Request, handler: Handler) -> web.StreamResponse:
        """As when the worker stood still for longer than the scraper waits."""
        assert request.transport is not None
        request.transport.close()
        return await handler(request)

    async def scene() -> None:
        exporter = exporter_of(await full_of_everything())
        async with TestServer(exporter.application(late)) as server:
            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")
            assert await reader.read() == b""
            writer.close()

    run(scene())
    assert [record.getMessage() for record in caplog.records] == []


def test_a_port_that_is_taken_is_a_sentence() -> None:
    async def scene() -> None:
        played = Played("file:a")
        application = exporter_of(played).application
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(StopError) as caught:
                await serve(application(), "127.0.0.1", port)
        assert str(caught.value) == (
            f"cannot listen on 127.0.0.1:{port} (Address already in use): "
            "end what uses it, or choose another --port"
        )

    run(scene())


def test_an_exporter_without_anything_is_still_an_exposition() -> None:
    played = Played()
    exporter = Exporter(played.pipeline, CollectorRegistry(), DEFAULT_SERIES, ready=lambda: "")
    assert scraped(exporter) == {"resonanz_series": {(): 0.0}, "resonanz_series_suppressed": {(): 0.0}}
