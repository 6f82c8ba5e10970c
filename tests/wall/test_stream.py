"""Server-sent events: what a viewer gets, fast or slow."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.wall.figures import record, snapshot, status, tombstone
from tests.wall.walls import DEADLINE_SECONDS, HERE, TWO_CLIENTS, RunningWall, settings_from, wait_until

from resonanz_dashboards.stream import MAX_STREAMS, pause_seconds
from resonanz_streams.clock import wall_ms
from resonanz_streams.topics import KPIS
from resonanz_streams.transports.ports import Record

BLUESKY, FILE, MASTODON = "bluesky:did:plc:abc", "file:a17", "mastodon:https://example.social/@stage"


class Viewer:
    """One open stream, read event by event."""

    def __init__(self, wall: RunningWall, path: str, headers: str = "") -> None:
        self.socket = socket.create_connection((HERE, wall.port), DEADLINE_SECONDS)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
        self._file = self.socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        while self._file.readline().strip():
            pass

    def event(self) -> dict[str, Any]:
        """The next event: event, id and data (decoded)."""
        fields: dict[str, Any] = {}
        while True:
            size = int(self._file.readline(), 16)
            chunk = self._file.read(size + 2)[:-2]
            assert size, "the stream has ended"
            for line in chunk.decode().split("\n"):
                name, _, value = line.partition(": ")
                if name:
                    fields[name] = json.loads(value) if name == "data" else value
            if chunk.endswith(b"\n\n"):
                return fields

    def close(self) -> None:
        """Leave."""
        self._file.close()
        self.socket.close()

    def until(self, name: str) -> dict[str, Any]:
        """The next event of this name."""
        while (event := self.event())["event"] != name:
            pass
        return event

    def rest(self) -> bytes:
        """Everything until the server closes."""
        return self._file.read()

    def snapshots(self) -> list[dict[str, Any]]:
        """The next snapshots."""
        return list(self.until("snapshots")["data"]["snapshots"])


@contextmanager
def viewing(wall: RunningWall, path: str = "/api/v1/stream", headers: str = "") -> Iterator[Viewer]:
    """A viewer that leaves at the end."""
    viewer = Viewer(wall, path, headers)
    try:
        yield viewer
    finally:
        viewer.close()


@pytest.fixture
def wall(tmp_path: Path) -> Iterator[RunningWall]:
    """Two clients; a heartbeat fast enough to wait for."""
    with RunningWall(settings_from(tmp_path, TWO_CLIENTS), heartbeat_seconds=0.2) as running:
        wait_until(lambda: running.board.feed == "live", "the wall has read its topics")
        yield running


def test_a_viewer_gets_what_there_is_and_then_what_changes(wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, 1000)), record(snapshot(FILE, 1000)))
    with viewing(wall) as viewer:
        assert [it["account"] for it in viewer.snapshots()] == [BLUESKY, FILE]
        wall.put(record(snapshot(FILE, 2000)))
        assert [(it["account"], it["at_ms"]) for it in viewer.snapshots()] == [(FILE, 2000)]


def test_a_heartbeat_says_the_time_and_how_the_broker_is(wall: RunningWall) -> None:
    with viewing(wall) as viewer:
        assert viewer.event()["data"]["feed"] == "live"
        beat = viewer.event()
        assert (beat["event"], beat["data"]["clock"]) == ("state", "wall")
        assert abs(beat["data"]["now_ms"] - wall_ms()) < DEADLINE_SECONDS * 1000
        wall.tail.away = "The broker does not answer."
        while viewer.until("state")["data"]["feed"] != "away":
            pass


def test_filters_by_client_platform_and_window(wall: RunningWall) -> None:
    wall.put(*(record(snapshot(account, 1000)) for account in (BLUESKY, FILE, MASTODON)))
    with viewing(wall, "/api/v1/stream?client=bakery&platform=file&window=1h&window=5m") as viewer:
        (shown,) = viewer.snapshots()
        assert shown["account"] == FILE
        assert {it["window"] for it in shown["kpis"]} == {"1h", "5m"}


def test_a_viewer_resumes_after_the_last_event_it_saw(wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, 1000)))
    with viewing(wall) as viewer:
        seen = viewer.until("snapshots")["id"]
    wall.put(record(snapshot(FILE, 2000)))
    with viewing(wall, headers=f"Last-Event-ID: {seen}\r\n") as viewer:
        assert [it["account"] for it in viewer.snapshots()] == [FILE]
    with viewing(wall, headers="Last-Event-ID: anotherwall-7\r\n") as viewer:
        assert [it["account"] for it in viewer.snapshots()] == [BLUESKY, FILE]


def test_a_connector_that_goes_down_is_news_and_its_next_heartbeat_is_not(wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, 1000)), status(BLUESKY, 1000))
    with viewing(wall) as viewer:
        viewer.snapshots()
        version = wall.board.version
        wall.tail.put(status(BLUESKY, 2000))
        wall.put(status(BLUESKY, 3000, "down"))
        assert [it["state"] for it in viewer.snapshots()[0]["connectors"]] == ["down"]
        assert wall.board.version == version + 1


def test_an_account_that_left_the_topic_is_sent_without_figures(wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, 1000)))
    with viewing(wall) as viewer:
        viewer.snapshots()
        wall.put(tombstone(BLUESKY))
        (gone,) = viewer.snapshots()
        assert (gone["at_ms"], gone["kpis"]) == (None, [])


def test_a_viewer_that_does_not_read_holds_nobody_up_and_misses_nothing_that_still_holds(
    tmp_path: Path,
) -> None:
    accounts = [f"file:a{number}" for number in range(300)]
    text = "clients:\n  big:\n    name: Big\n    accounts: [" + ", ".join(accounts) + "]\n"
    with RunningWall(settings_from(tmp_path, text), heartbeat_seconds=0.2) as wall:
        value = record(snapshot("file:a0", 10, client="big")).value or b""

        def publish(at_ms: int) -> None:
            shots = (value.replace(b"file:a0", it.encode()) for it in accounts)
            wall.put(
                *(Record(KPIS, 0, 0, b"", it.replace(b'"at_ms":10', b'"at_ms":%d' % at_ms)) for it in shots)
            )

        publish(1)
        with viewing(wall) as slow, viewing(wall) as quick:
            # The slow one reads nothing: after a few hundred KB its socket is full and stays so.
            for at_ms in range(2, 12):
                publish(at_ms)
                while max(it["at_ms"] for it in quick.snapshots()) < at_ms:
                    pass
            # Then it reads on: a bounded rest that had been written before, and straight the latest.
            received, latest = 0, dict.fromkeys(accounts, 0)
            while min(latest.values()) < 11:
                for it in slow.snapshots():
                    received += 1
                    assert it["at_ms"] >= latest[it["account"]]
                    latest[it["account"]] = it["at_ms"]
            assert received < 10 * len(accounts)


def test_there_is_room_for_so_many_viewers_and_no_more(wall: RunningWall) -> None:
    wall.streams.open += MAX_STREAMS
    with viewing(wall) as viewer:
        assert viewer.status == 503
    wall.streams.open -= MAX_STREAMS
    with viewing(wall) as viewer:
        assert viewer.status == 200
        viewer.event()
        assert wall.streams.open == 1
    wait_until(lambda: wall.streams.open == 0, "the viewer who left is forgotten")


def test_a_wall_that_stops_ends_its_streams(tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, TWO_CLIENTS), heartbeat_seconds=60) as wall:
        viewer = Viewer(wall, "/api/v1/stream")
        viewer.event()
    # RunningWall itself fails if the server does not stop; here the viewer sees a clean end.
    assert viewer.rest().endswith(b"0\r\n\r\n")
    viewer.close()


@pytest.mark.parametrize(
    ("sent", "viewers", "seconds"),
    [(0, 1, 0.25), (1000, 1, 0.25), (10_000, 1, 2.5), (10_000, 10, 2.5), (10_000, 40, 10.0), (24, 256, 0.25)],
)
def test_all_viewers_together_cost_no_more_than_so_much(sent: int, viewers: int, seconds: float) -> None:
    assert pause_seconds(sent, viewers) == seconds


def test_a_viewer_may_ask_for_single_figures(wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, 1000)))
    with viewing(wall, "/api/v1/stream?kpi=1h/interactions_per_potential&kpi=5m/velocity") as viewer:
        (only,) = viewer.snapshots()
        assert [(it["window"], it["kpi"]) for it in only["kpis"]] == [
            ("5m", "velocity"),
            ("1h", "interactions_per_potential"),
        ]


def test_a_broker_that_goes_away_is_told_at_once(tmp_path: Path) -> None:
    with (
        RunningWall(settings_from(tmp_path, TWO_CLIENTS), heartbeat_seconds=600) as wall,
        viewing(wall) as viewer,
    ):
        viewer.until("state")
        wall.tail.away = "The broker does not answer."
        while viewer.until("state")["data"]["feed"] != "away":
            pass
