"""``resonanz up`` with a Bluesky account by its handle: on the wall, and what is said without a network."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.contracts.bluesky_api import LIKED, Api
from tests.contracts.jetstream_server import JetstreamServer, time_us
from tests.contracts.recorded_jetstream import RECORDED
from tests.processes import Process, free_port, get, samples, wait_until

from resonanz_streams.clock import wall_ms

ACCOUNT = "bluesky:winter.example"


def up(folder: Path, options: Mapping[str, Any], check: Callable[[Process, int], None]) -> None:
    client = {"name": "Winter", "potential": 1_000, "accounts": [ACCOUNT]}
    config = folder / "resonanz.yaml"
    config.write_text(json.dumps({"clients": {"winter": client}, "connectors": {"bluesky": dict(options)}}))
    port = free_port()
    arguments = ["-m", "resonanz_streams", "up", "--config", str(config), "--port", str(port)]
    with Process(arguments, folder / "up.txt", folder) as process:
        check(process, port)
        assert process.process.poll() is None, "it runs"
        assert process.terminate(30) == 0
        assert "Traceback" not in process.output()


def account(port: int) -> dict[str, Any]:
    text = get(f"http://127.0.0.1:{port}/api/v1/accounts")
    (found,) = json.loads(text)["accounts"] if text else ({},)
    return dict(found)


def test_a_handle_stands_on_the_wall(tmp_path: Path) -> None:
    now_us = wall_ms() * 1000
    moved = now_us - max(map(time_us, RECORDED))
    server = JetstreamServer(
        [m.replace(b"%d" % time_us(m), b"%d" % (time_us(m) + moved), 1) for m in RECORDED]
    )
    api = Api({LIKED: 1200}, {"winter.example": LIKED})

    def check(_: Process, port: int) -> None:
        key = (ACCOUNT, "winter", "like", "bluesky")
        wait_until(
            lambda: (samples(port, "resonanz_interactions_24h") or {}).get(key) == 1, "its like is counted"
        )
        wait_until(
            lambda: bool(samples(port, "resonanz_engagement_rate_by_followers_24h_per_1000")),
            "its followers are known",
        )
        (connector,) = account(port)["connectors"]
        assert (connector["connector"], connector["state"]) == ("bluesky", "ok")
        assert account(port)["account"] == ACCOUNT

    async def scenario() -> None:
        async with AsyncExitStack() as served:
            await served.enter_async_context(server.serving())
            await served.enter_async_context(api.serving())
            options = {"endpoints": [server.url], "api": api.url}
            await asyncio.to_thread(up, tmp_path, options, check)

    asyncio.run(scenario())


def test_without_a_network_it_says_so_and_goes_on_trying(tmp_path: Path) -> None:
    def check(process: Process, port: int) -> None:
        said = "bluesky: the handle winter.example cannot be looked up: 127.0.0.1 cannot be reached"
        wait_until(lambda: process.output().count(said) >= 2, "two attempts are told")
        assert "check this machine's network; trying again in 1 s" in process.output()
        found = wait_until(
            lambda: seen if (seen := account(port)).get("connectors") else None, "the wall has heard of it"
        )
        assert found["state"] == "no_data"
        wait_until(lambda: account(port)["connectors"][0]["state"] == "down", "it is called down")

    up(tmp_path, {"endpoints": ["ws://127.0.0.1:9/subscribe"], "api": "http://127.0.0.1:9"}, check)
