"""Beyond loopback a worker's metrics need the agency's token; probes need none."""

import asyncio

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from tests.processes import free_port
from tests.stores import MemoryStore

from resonanz_streams.clock import wall_ms
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.exporter import Exporter, serve
from resonanz_streams.exporter_access import access_rule
from resonanz_streams.pipeline import Pipeline
from resonanz_streams.registry import Registry
from resonanz_streams.settings import Settings, settings_of

TOKEN = "a-token-of-the-agency"
KEY = "0123456789abcdef0123456789abcdef"


def settings(*, token: bool) -> Settings:
    data: dict[str, object] = {"clients": {"c": {"name": "C", "accounts": ["file:a"]}}}
    if token:
        data["wall"] = {"agency_token": "${TOKEN}"}
    return settings_of(data, environment={"TOKEN": TOKEN})


async def answers(host: str, chosen: Settings, *headers: dict[str, str]) -> list[int]:
    """The status of /metrics for each set of headers, then of /healthz without any."""
    pipeline = Pipeline(chosen, Registry(chosen, KEY.encode()), MemoryStore(), wall_ms)
    exporter = Exporter(pipeline, CollectorRegistry(), (), ready=lambda: "")
    port = free_port()
    runner = await serve(exporter.application(access_rule(lambda: chosen, host)), "127.0.0.1", port)
    found = []
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            for path, sent in [*(("/metrics", one) for one in headers), ("/healthz", {})]:
                async with session.get(path, headers=sent) as answer:
                    await answer.read()
                    found.append(answer.status)
    finally:
        await runner.cleanup()
    return found


def test_on_loopback_everybody_may_scrape() -> None:
    assert asyncio.run(answers("127.0.0.1", settings(token=False), {})) == [200, 200]


def test_beyond_loopback_only_the_token_may() -> None:
    sent: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": TOKEN},
        {"Authorization": f"Bearer {TOKEN}"},
    )
    assert asyncio.run(answers("192.0.2.1", settings(token=True), *sent)) == [401, 401, 401, 200, 200]


def test_beyond_loopback_without_a_token_it_does_not_start() -> None:
    with pytest.raises(ConfigurationError, match="agency_token"):
        access_rule(lambda: settings(token=False), "192.0.2.1")
