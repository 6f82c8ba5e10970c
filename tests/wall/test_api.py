"""The HTTP API as its users meet it."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args

import openapi_spec_validator
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types
from tests.wall.deep import post, with_deep
from tests.wall.figures import deep_record, record, snapshot, status, tombstone
from tests.wall.walls import HERE, TWO_CLIENTS, RunningWall, settings_from, wait_until

from resonanz_dashboards import shapes
from resonanz_dashboards.wall import listen
from resonanz_streams.clock import wall_ms
from resonanz_streams.errors import StopError
from resonanz_streams.kpis.base import WINDOWS
from resonanz_streams.topics import KPIS
from resonanz_streams.transports.ports import Record

BLUESKY, FILE, MASTODON = "bluesky:did:plc:abc", "file:a17", "mastodon:https://example.social/@stage"


@pytest.fixture
def wall(tmp_path: Path) -> Iterator[RunningWall]:
    """Two clients, three accounts, no figures."""
    with RunningWall(settings_from(tmp_path, TWO_CLIENTS)) as running:
        wait_until(lambda: running.board.feed == "live", "the wall has read its topics")
        yield running


def test_the_windows_are_the_engines() -> None:
    assert get_args(shapes.Window) == WINDOWS


def test_openapi_is_valid_and_the_answers_keep_to_it(wall: RunningWall) -> None:
    shot = with_deep(snapshot(BLUESKY, wall_ms()), [post("p1", 4, 2)])
    wall.put(*shot, status(BLUESKY, wall_ms()))
    document = wall.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    openapi_spec_validator.validate(document)
    assert "/api/v1/alerts" not in document["paths"]
    for path, url in {
        "/api/v1/clients": "/api/v1/clients",
        "/api/v1/accounts": "/api/v1/accounts",
        "/api/v1/accounts/{account}/kpis": f"/api/v1/accounts/{BLUESKY}/kpis",
        "/api/v1/clients/{client}/kpis": "/api/v1/clients/bakery/kpis",
        "/api/v1/platforms/{platform}/kpis": "/api/v1/platforms/bluesky/kpis",
        "/api/v1/accounts/{account}/posts": f"/api/v1/accounts/{BLUESKY}/posts",
        "/api/v1/kpis": "/api/v1/kpis",
        "/api/v1/ranking": "/api/v1/ranking?window=24h",
        "/api/v1/velocities": f"/api/v1/velocities?account={BLUESKY}",
        "/healthz": "/healthz",
        "/readyz": "/readyz",
    }.items():
        content = document["paths"][path]["get"]["responses"]["200"]["content"]
        schema = {**content["application/json"]["schema"], "components": document["components"]}
        Draft202012Validator(schema).validate(wall.get(url).json())


def test_clients_and_accounts(wall: RunningWall) -> None:
    bakery, theatre = wall.get("/api/v1/clients").json()["clients"]
    assert bakery == {
        "client": "bakery",
        "name": "Bakery Winter",
        "timezone": "Europe/Berlin",
        "potential": 1200,
        "venues": ["news.example", "town-forum.example"],
        "voice": {"version": "2026-1", "brand": "winter", "brands": ["winter", "sommer"]},
        "platforms": ["bluesky", "file"],
        "accounts": 2,
        "exclusions": [],
    }
    assert (theatre["potential"], theatre["venues"], theatre["voice"]) == (None, [], None)
    listed = wall.get("/api/v1/accounts?client=bakery&platform=bluesky").json()
    assert [it["account"] for it in listed["accounts"]] == [BLUESKY]
    assert wall.get("/api/v1/accounts?client=nobody").status == 404


def test_accounts_come_in_pages(wall: RunningWall) -> None:
    first = wall.get("/api/v1/accounts?limit=2").json()
    assert ([it["account"] for it in first["accounts"]], first["total"]) == ([BLUESKY, FILE], 3)
    second = wall.get(f"/api/v1/accounts?limit=2&after={first['next']}").json()
    assert ([it["account"] for it in second["accounts"]], second["next"]) == ([MASTODON], None)
    assert wall.get("/api/v1/accounts?after=unknown:x").status == 422


def test_the_figures_are_tidy_rows(wall: RunningWall) -> None:
    now = wall_ms()
    wall.put(record(snapshot(MASTODON, now, client="theatre", potential=None)))
    answer = wall.get(f"/api/v1/accounts/{MASTODON}/kpis?window=1h&kpi=interactions_per_potential").json()
    assert answer["kpis"] == [
        {
            "at_ms": now,
            "client": "theatre",
            "platform": "mastodon",
            "account": MASTODON,
            "kpi": "interactions_per_potential",
            "window": "1h",
            "part": None,
            "value": None,
            "lo": None,
            "hi": None,
            "numerator": 100.0,
            "denominator": None,
            "coverage": 1.0,
            "reason": "no_potential",
        }
    ]


@pytest.mark.parametrize("written", [MASTODON, "mastodon%3Ahttps%3A%2F%2Fexample.social%2F%40stage"])
def test_an_account_may_hold_colons_and_slashes_encoded_or_not(wall: RunningWall, written: str) -> None:
    assert wall.get(f"/api/v1/accounts/{written}/kpis").json()["account"] == MASTODON


@pytest.mark.parametrize(
    ("age_ms", "coverage", "state"),
    [(0, 1.0, "ok"), (59_000, 0.95, "ok"), (0, 0.94, "partial"), (0, 0.0, "no_data"), (61_000, 1.0, "stale")],
)
def test_the_state_of_an_account(tmp_path: Path, age_ms: int, coverage: float, state: str) -> None:
    now = 1_700_000_000_000
    with RunningWall(settings_from(tmp_path, TWO_CLIENTS), clock=lambda: now) as wall:
        wall.put(record(snapshot(BLUESKY, now - age_ms, coverage=coverage)))
        shown = wall.get("/api/v1/accounts?client=bakery").json()["accounts"]
        assert [(it["state"], it["age_ms"]) for it in shown] == [(state, age_ms), ("no_data", None)]


def test_with_event_time_ages_are_counted_to_the_newest_figures(tmp_path: Path) -> None:
    long_ago = 1_500_000_000_000
    with RunningWall(settings_from(tmp_path, "clock: event\n" + TWO_CLIENTS)) as wall:
        wall.put(record(snapshot(BLUESKY, long_ago)), record(snapshot(FILE, long_ago - 90_000)))
        answer = wall.get("/api/v1/accounts?client=bakery").json()
        assert (answer["clock"], answer["now_ms"]) == ("event", long_ago)
        assert [it["state"] for it in answer["accounts"]] == ["ok", "stale"]


def test_with_event_time_an_account_is_stale_when_nothing_arrives(tmp_path: Path) -> None:
    long_ago, clock = 1_500_000_000_000, [1_700_000_000_000]
    settings = settings_from(tmp_path, "clock: event\n" + TWO_CLIENTS)
    with RunningWall(settings, clock=lambda: clock[0]) as wall:

        def shown() -> list[tuple[str, int]]:
            answer = wall.get("/api/v1/accounts?client=bakery").json()
            return [(it["state"], it["age_ms"]) for it in answer["accounts"]]

        wall.put(record(snapshot(BLUESKY, long_ago)))
        wall.put(record(snapshot(FILE, long_ago)))
        clock[0] += 60_000
        assert shown() == [("ok", 60_000), ("ok", 60_000)]
        clock[0] += 1
        assert shown() == [("stale", 60_001), ("stale", 60_001)]
        wall.put(record(snapshot(FILE, long_ago)))
        assert shown() == [("stale", 60_001), ("ok", 0)]


def test_figures_that_were_told_for_another_client_are_not_shown(wall: RunningWall) -> None:
    shot = snapshot(BLUESKY, wall_ms(), client="theatre")
    wall.put(record(shot), deep_record(shot))
    answer = wall.get(f"/api/v1/accounts/{BLUESKY}/kpis").json()
    assert (answer["client"], answer["at_ms"], answer["kpis"]) == ("bakery", None, [])
    assert wall.board.ignored == {"unknown_account": 0, "other_client": 2, "unreadable": 0}


def test_records_of_others_and_broken_ones_are_counted_and_left_out(wall: RunningWall) -> None:
    wall.put(record(snapshot("bluesky:other", wall_ms())), Record(KPIS, 0, 1, b"x", b'{"v":1,'))
    wall.put(Record(KPIS, 0, 2, b"x", b"\xff\xfe"))
    assert wall.board.ignored == {"unknown_account": 1, "other_client": 0, "unreadable": 2}


def test_ready_tells_strangers_nothing_of_what_is_watched(wall: RunningWall) -> None:
    wall.put(record(snapshot("bluesky:other", wall_ms())))
    assert wall.get("/readyz").json() == {"status": "ready"}


def test_a_tombstone_takes_the_figures_away(wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, wall_ms())))
    wall.put(tombstone(BLUESKY))
    answer = wall.get(f"/api/v1/accounts/{BLUESKY}/kpis").json()
    assert (answer["state"], answer["kpis"]) == ("no_data", [])


@pytest.mark.parametrize(
    ("path", "code", "kind"),
    [
        ("/api/v1/alerts", 404, "not-found"),
        ("/api/v1/accounts/bluesky:nobody/kpis", 404, "unknown-account"),
        (f"/api/v1/accounts/{BLUESKY}/kpis?window=2h", 422, "invalid-request"),
        ("/api/v1/accounts?limit=0", 422, "invalid-request"),
        ("/page/nothing.js", 404, "not-found"),
    ],
)
def test_errors_are_problem_documents(wall: RunningWall, path: str, code: int, kind: str) -> None:
    answer = wall.get(path)
    assert (answer.status, answer.headers["content-type"]) == (code, "application/problem+json")
    document = answer.json()
    assert document["type"] == f"urn:resonanz:problem:{kind}"
    assert document["status"] == code
    assert document["detail"]


def test_every_answer_carries_the_content_security_policy(wall: RunningWall) -> None:
    for path in ("/", "/page/wall.css", "/api/v1/clients", "/nothing"):
        headers = wall.get(path).headers
        assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_a_broker_that_is_away_is_said_and_its_figures_stay(wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, wall_ms())))
    wall.tail.away = "The broker kafka.example does not answer."
    wait_until(lambda: wall.board.feed == "away", "the board says that the broker is away")
    answer = wall.get("/api/v1/accounts").json()
    assert (answer["feed"], answer["feed_detail"]) == ("away", wall.tail.away)
    assert answer["accounts"][0]["state"] == "ok"
    refused = wall.get("/readyz")
    assert (refused.status, refused.json()["checks"]["broker"][:10]) == (503, "The broker")
    wall.tail.away = ""
    wait_until(lambda: wall.get("/readyz").status == 200, "the wall is ready again")


def test_ten_thousand_accounts_are_answered(tmp_path: Path) -> None:
    lines = [f"      - file:a{number}" for number in range(10_000)]
    text = "clients:\n  big:\n    name: Big\n    accounts:\n" + "\n".join(lines) + "\n"
    with RunningWall(settings_from(tmp_path, text)) as wall:
        now = wall_ms()
        value = record(snapshot("file:a0", now, client="big")).value or b""
        for first in range(0, 10_000, 2000):
            numbers = range(first, first + 2000)
            wall.put(*(Record(KPIS, 0, n, b"", value.replace(b"file:a0", b"file:a%d" % n)) for n in numbers))
        listed = wall.get("/api/v1/accounts?limit=10000").json()
        assert len(listed["accounts"]) == listed["total"] == 10_000
        assert {it["state"] for it in listed["accounts"]} <= {"ok", "stale"}
        assert wall.get("/api/v1/accounts/file:a9999/kpis?window=1h").json()["kpis"]
        assert wall.get("/healthz").status == 200


def test_a_failure_that_nobody_foresaw_does_not_leave_a_wall_that_looks_alive(wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, wall_ms())))
    wall.tail.broken = ZeroDivisionError("somebody's mistake")
    wait_until(lambda: wall.board.feed == "away", "the board says that nothing comes")
    assert wall.get("/api/v1/accounts").json()["feed_detail"].endswith("its log says why.")
    wall.tail.broken = None
    wait_until(lambda: wall.board.feed == "live", "the wall reads again")
    wall.put(record(snapshot(BLUESKY, wall_ms() + 1)))


@contextmanager
def worker_answering(path: str, code: int, headers: dict[str, str], body: bytes) -> Iterator[str]:
    """A worker's front door that knows one path; yields its address."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            found = self.path == path
            self.send_response(code if found else 404)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("X-Asked-Encoding", self.headers.get("Accept-Encoding", ""))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Silent."""

    with ThreadingHTTPServer((HERE, 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{HERE}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_metrics_are_handed_on_as_they_come(tmp_path: Path) -> None:
    headers = {"Content-Type": "text/plain; version=0.0.4", "Content-Encoding": "gzip"}
    compressed = b"\x1f\x8bnot looked into"
    with (
        worker_answering("/metrics", 200, headers, compressed) as url,
        RunningWall(settings_from(tmp_path, TWO_CLIENTS), worker_url=url) as wall,
    ):
        answer = wall.get("/metrics", Accept_Encoding="gzip")
        assert (answer.status, answer.body[: len(compressed)]) == (200, compressed)
        assert b'resonanz_client_accounts{client="bakery"} 2\n' in gzip.decompress(
            answer.body[len(compressed) :]
        )
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["content-type"] == "text/plain; version=0.0.4"


@pytest.mark.parametrize(
    ("answering", "code", "kind"), [(True, 502, "worker-failed"), (False, 503, "worker-away")]
)
def test_a_worker_that_fails_or_is_away_is_a_problem(
    tmp_path: Path, answering: bool, code: int, kind: str
) -> None:
    with worker_answering("/metrics", 500, {}, b"") as url:
        if answering:
            with RunningWall(settings_from(tmp_path, TWO_CLIENTS), worker_url=url) as wall:
                answer = wall.get("/metrics")
    if not answering:
        with RunningWall(settings_from(tmp_path, TWO_CLIENTS), worker_url=url) as wall:
            answer = wall.get("/metrics")
            assert wall.get("/readyz").json()["checks"]["worker"].startswith("The worker does not answer")
    assert (answer.status, json.loads(answer.body)["type"]) == (code, f"urn:resonanz:problem:{kind}")


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with listen(HERE, 0) as taken:
        taken.listen()
        with pytest.raises(StopError, match="choose another with --port"):
            listen(HERE, taken.getsockname()[1])
