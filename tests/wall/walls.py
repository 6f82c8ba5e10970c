"""A wall as its users meet it: a server on a free port, fed by a tail that the test holds."""

import asyncio
import http.client
import json
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from resonanz_dashboards.access import build_access
from resonanz_dashboards.board_state import BoardState
from resonanz_dashboards.relay import Worker
from resonanz_dashboards.wall import WallServer, build_wall, listen
from resonanz_streams.clock import Clock, wall_ms
from resonanz_streams.errors import RetryError
from resonanz_streams.registry import build_registry
from resonanz_streams.reload import Reloader
from resonanz_streams.settings import Settings, load_settings
from resonanz_streams.transports.ports import Record

DEADLINE_SECONDS = 20.0
HERE = "127.0.0.1"


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return once ``condition`` holds; fail, naming ``what``, after the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE_SECONDS} s: {what}"
        pause.wait(0.02)


class FakeTail:
    """A Tail that returns what the test puts in; ``away`` holds the sentence while the broker is away,
    ``broken`` what is raised while the tail itself is.
    """

    def __init__(self) -> None:
        self.records: queue.Queue[list[Record]] = queue.Queue()
        self.away = ""
        self.broken: Exception | None = None
        self.polls = 0

    def put(self, *records: Record) -> None:
        """Make records readable, as one batch."""
        self.records.put(list(records))

    async def poll(self, timeout_seconds: float) -> Sequence[Record]:
        """See ports.Tail; it returns early so that tests are quick."""
        self.polls += 1
        if self.away:
            raise RetryError(self.away)
        if self.broken:
            raise self.broken
        try:
            return await asyncio.to_thread(self.records.get, True, min(timeout_seconds, 0.05))
        except queue.Empty:
            return []

    def caught_up(self) -> bool:
        """Everything put so far has been read."""
        return self.records.empty()

    async def close(self) -> None:
        """Nothing to release."""


@dataclass
class Answer:
    """One HTTP answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class RunningWall:
    """A wall in a thread of its own. ``listen_on`` decides about tokens as the real one would;
    the socket itself is always on loopback.
    """

    settings: Settings
    listen_on: str = HERE
    worker_url: str | None = None
    clock: Clock = wall_ms
    port: int = 0
    heartbeat_seconds: float = 1.0
    benchmark_seconds: float = 60.0
    reloader: Reloader | None = None
    tail: FakeTail = field(default_factory=FakeTail)

    def __enter__(self) -> Self:
        registry = build_registry(self.settings)
        event_time = self.settings.clock == "event"
        self.board = BoardState(registry, clock=self.clock, event_time=event_time)
        app = build_wall(
            self.board,
            build_access(self.settings, self.listen_on),
            lambda: self.tail,
            worker=Worker(self.worker_url, None),
            heartbeat_seconds=self.heartbeat_seconds,
            benchmark_seconds=self.benchmark_seconds,
            reloader=self.reloader,
            host=self.listen_on,
        )
        self.streams = app.state.wall.streams
        self._listener = listen(HERE, self.port)
        self.port = self._listener.getsockname()[1]
        self._server = WallServer(app, self.board)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})
        self._thread.start()
        wait_until(lambda: self._server.started, "the wall listens")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(DEADLINE_SECONDS)
        self._listener.close()
        assert not self._thread.is_alive(), "the wall did not stop"

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://{HERE}:{self.port}"

    def put(self, *records: Record) -> None:
        """Publish records and wait until the board has taken them (or ignored them)."""
        before = self.board.version + sum(self.board.ignored.values())
        self.tail.put(*records)
        wait_until(
            lambda: self.board.version + sum(self.board.ignored.values()) > before and self.tail.caught_up(),
            "the board took the records",
        )

    def get(self, path: str, token: str | None = None, **headers: str) -> Answer:
        """One GET, on a connection of its own."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            named["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection(HERE, self.port, timeout=DEADLINE_SECONDS)
        try:
            connection.request("GET", path, headers=named)
            answer = connection.getresponse()
            return Answer(
                answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
            )
        finally:
            connection.close()


def settings_from(folder: Path, text: str, env: Mapping[str, str] | None = None) -> Settings:
    """Settings as a user writes them."""
    path = folder / "resonanz.yaml"
    path.write_text("pseudonym_key: ${KEY}\n" + text, encoding="utf-8")
    return load_settings(path, {"KEY": "0123456789abcdef0123456789abcdef", **(env or {})})


TWO_CLIENTS = """\
clients:
  bakery:
    name: Bakery Winter
    timezone: Europe/Berlin
    potential: 1200
    venues: [town-forum.example, news.example, town-forum.example]
    topics: {winter: [], sommer: []}
    voice: {version: 2026-1, brand: winter, brands: [winter, sommer]}
    accounts:
      - {id: "bluesky:did:plc:abc", handle: winter.example, connector: bluesky}
      - "file:a17"
  theatre:
    name: Little Theatre
    accounts:
      - {id: "mastodon:https://example.social/@stage", handle: "@stage"}
"""
