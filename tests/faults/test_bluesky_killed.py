"""The Bluesky connector killed again and again: all that the network said is in the log, and counts once."""

import asyncio
import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Self

from resonanz_streams.clock import wall_ms
from resonanz_streams.topics import DEAD_LETTERS
from tests.brokers import Broker
from tests.contracts.jetstream_server import time_us
from tests.contracts.recorded_jetstream import RECORDED, RecordedJetstream, counted, expected
from tests.faults.connectors import (
    KILLS,
    admin_of,
    configure_connectors,
    kill,
    least,
    published,
    report,
    snapshots,
)
from tests.faults.fleet import worker
from tests.naive import KINDS
from tests.processes import Process, free_port

NOT_UNDERSTOOD = len(RECORDED) + 9


class Jetstream(threading.Thread):
    """The recorded messages, as if they came now, from a server in a thread of its own."""

    def __init__(self, playback: RecordedJetstream) -> None:
        super().__init__()
        self._playback = playback
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._started = threading.Event()
        moved = wall_ms() * 1000 - max(map(time_us, playback.server.messages))
        self.messages = [
            m.replace(b"%d" % time_us(m), b"%d" % (time_us(m) + moved), 1) for m in playback.server.messages
        ]
        playback.server.messages = self.messages

    def run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        async with self._playback.serving():
            self._started.set()
            await self._stopped.wait()

    def __enter__(self) -> Self:
        self.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self.join(10)

    def release(self, share: float) -> None:
        """Let that part of it have happened."""
        messages = round(share * len(self.messages))
        self._loop.call_soon_threadsafe(self._playback.server.release, messages)


def test_bluesky(broker: Broker, tmp_path: Path) -> None:
    playback = RecordedJetstream(tmp_path)
    clients = {name: {"potential": 1_000, **client} for name, client in playback.clients.items()}
    config = configure_connectors(tmp_path, broker, clients, {"bluesky": dict(playback.options())})
    words, log = ["connect", "--config", str(config)], tmp_path / "connect.txt"
    broker.create_topics(4)
    rng = random.Random(3)
    with Jetstream(playback) as server, worker(config, free_port(), name="worker"), admin_of(broker) as admin:
        for number in range(KILLS):
            server.release((number + 1) / (KILLS + 1))
            kill(words, log, admin, rng)
        server.release(1.0)
        with Process(["-m", "resonanz_streams", *words], log, tmp_path) as connect:
            wrong = least(lambda: wrong_counts(broker))
            assert connect.terminate() == 0, connect.output()
    letters = {letter.value for letter in asyncio.run(broker.everything(DEAD_LETTERS))}
    report(
        "Bluesky kill -9",
        broker,
        messages=len(server.messages),
        events_read_again=len(interactions(broker)) - len(expected()),
        wrong=len(wrong),
    )
    assert wrong == []
    assert letters == {server.messages[NOT_UNDERSTOOD]}


def interactions(broker: Broker) -> list[dict[str, Any]]:
    """All that was published but followers."""
    return [event for event in published(broker) if event["topic"] != "audience"]


def wrong_counts(broker: Broker) -> list[str]:
    """What the log holds, and what the worker counts of it."""
    found, given = counted(interactions(broker)), counted(expected())
    wrong = [
        f"{key}: {found.get(key)} instead of {given.get(key)}"
        for key in found.keys() | given.keys()
        if found.get(key) != given.get(key)
    ]
    own = {key for event in expected() if event.get("own") for key in counted([event])}
    net = Counter((key[0], key[2]) for key, counts in given.items() if counts and key not in own)
    shown = {
        (account, entry["part"]): entry["value"] or 0
        for account, snapshot in snapshots(broker).items()
        for entry in snapshot["kpis"]
        if (entry["kpi"], entry["window"]) == ("interactions", "24h") and entry["part"] in KINDS
    }
    return wrong + [
        f"{key}: {shown.get(key)} counted instead of {net[key]}"
        for key in net.keys() | shown.keys()
        if shown.get(key) != net[key]
    ]
