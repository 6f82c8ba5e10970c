"""Who sees what: tokens beyond loopback, the Host header on it."""

from pathlib import Path

import pytest
from tests.wall.figures import record, snapshot
from tests.wall.walls import TWO_CLIENTS, RunningWall, settings_from, wait_until

from resonanz_dashboards.access import (
    EVERYTHING,
    Access,
    Scope,
    UnauthorizedError,
    build_access,
    host_of,
)
from resonanz_dashboards.wall import run_wall
from resonanz_streams.clock import wall_ms
from resonanz_streams.errors import ConfigurationError
from resonanz_streams.loopback import is_loopback
from resonanz_streams.registry import build_registry

AGENCY, BAKERY = "agency-token-0123456789", "bakery-token-0123456789"
WITH_TOKENS = (
    TWO_CLIENTS.replace("    potential: 1200\n", "    potential: 1200\n    token: ${BAKERY}\n")
    + 'wall: {agency_token: "${AGENCY}"}\n'
)
ENV = {"AGENCY": AGENCY, "BAKERY": BAKERY}
EVERYWHERE = "0.0.0.0"  # noqa: S104  # what the rules are about; the test itself stays on loopback
BAKERY_KPIS = "/api/v1/accounts/bluesky:did:plc:abc/kpis"
THEATRE = "mastodon:https://example.social/@stage"
THEATRE_KPIS = f"/api/v1/accounts/{THEATRE}/kpis"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("wall.localhost", True),
        ("0.0.0.0", False),  # noqa: S104  # the case itself
        ("::", False),
        ("192.168.1.4", False),
        ("wall.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("localhost:8080", "localhost"),
        ("[::1]:8080", "::1"),
        ("::1", "::1"),
        ("a.example", "a.example"),
        ("", ""),
    ],
)
def test_the_host_header_without_its_port(header: str, host: str) -> None:
    assert host_of(header) == host


def test_loopback_needs_no_token_but_holds_a_given_one_to_its_scope(tmp_path: Path) -> None:
    access = build_access(settings_from(tmp_path, WITH_TOKENS, ENV), "127.0.0.1")
    assert access.scope(None) == EVERYTHING
    assert access.scope(f"Bearer {BAKERY}") == Scope("bakery")
    with pytest.raises(UnauthorizedError):
        access.scope("Bearer somebody")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", f"Basic {AGENCY}", f"Bearer {AGENCY}x", AGENCY]
)
def test_beyond_loopback_every_other_header_is_refused(tmp_path: Path, header: str | None) -> None:
    access = build_access(settings_from(tmp_path, WITH_TOKENS, ENV), EVERYWHERE)
    with pytest.raises(UnauthorizedError):
        access.scope(header)


def test_beyond_loopback_without_a_token_does_not_start(tmp_path: Path) -> None:
    settings = settings_from(tmp_path, TWO_CLIENTS)
    with pytest.raises(ConfigurationError, match=r"agency_token: \$\{RESONANZ_AGENCY_TOKEN\}"):
        run_wall(settings, build_registry(settings), EVERYWHERE, 0, None)


def test_two_viewers_with_one_token_are_refused(tmp_path: Path) -> None:
    settings = settings_from(tmp_path, WITH_TOKENS, {"AGENCY": BAKERY, "BAKERY": BAKERY})
    with pytest.raises(ConfigurationError, match=r"clients\.bakery\.token: another viewer has the same"):
        build_access(settings, EVERYWHERE)


def test_an_error_about_tokens_does_not_tell_them(tmp_path: Path) -> None:
    settings = settings_from(tmp_path, WITH_TOKENS, {"AGENCY": BAKERY, "BAKERY": BAKERY})
    with pytest.raises(ConfigurationError) as caught:
        build_access(settings, EVERYWHERE)
    assert BAKERY not in str(caught.value)
    assert BAKERY not in repr(Access({BAKERY: EVERYTHING}, required=True).__dict__)


def test_what_a_viewer_may_not_see_does_not_exist(tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, WITH_TOKENS, ENV), listen_on=EVERYWHERE) as wall:
        wall.put(record(snapshot("bluesky:did:plc:abc", wall_ms())))
        assert wall.get(BAKERY_KPIS).status == 401
        assert wall.get(BAKERY_KPIS).headers["www-authenticate"].startswith("Bearer")
        assert wall.get(BAKERY_KPIS, "somebody").status == 401
        # A path that no route takes, for its line break, and one that is none.
        for path in ("/api/v1/accounts/a%0Ab/kpis", "/api/v2"):
            assert (wall.get(path, "somebody").status, wall.get(path, AGENCY).status) == (401, 404)
        assert wall.get(BAKERY_KPIS, BAKERY).status == 200
        assert wall.get(THEATRE_KPIS, AGENCY).status == 200
        hidden, absent = wall.get(THEATRE_KPIS, BAKERY), wall.get("/api/v1/accounts/x:y/kpis", BAKERY)
        assert (hidden.status, hidden.json()["type"]) == (absent.status, absent.json()["type"])
        assert hidden.status == 404


def test_a_client_token_lists_its_own_client_only(tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, WITH_TOKENS, ENV), listen_on=EVERYWHERE) as wall:
        its_clients = wall.get("/api/v1/clients", BAKERY).json()["clients"]
        assert [it["client"] for it in its_clients] == ["bakery"]
        its_accounts = wall.get("/api/v1/accounts", BAKERY).json()
        assert {it["client"] for it in its_accounts["accounts"]} == {"bakery"}
        assert its_accounts["total"] == 2
        assert wall.get("/api/v1/accounts?client=theatre", BAKERY).status == 404
        assert wall.get("/api/v1/stream?client=theatre", BAKERY).status == 404
        assert wall.get("/metrics", BAKERY).status == 403
        assert wall.get("/metrics", None).status == 401


def test_the_page_and_the_health_checks_need_no_token(tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, WITH_TOKENS, ENV), listen_on=EVERYWHERE) as wall:
        for path in ("/", "/page/wall.js", "/healthz", "/openapi.json"):
            assert wall.get(path).status == 200, path


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "10.0.0.7", "127.0.0.1.evil.example"])
def test_on_loopback_another_host_name_is_refused(tmp_path: Path, host: str) -> None:
    with RunningWall(settings_from(tmp_path, TWO_CLIENTS)) as wall:
        for path in ("/", "/api/v1/accounts", "/healthz"):
            answer = wall.get(path, Host=host)
            assert answer.status == 421
            assert answer.headers["content-type"] == "application/problem+json"
        assert wall.get("/", Host=f"localhost:{wall.port}").status == 200


def test_why_the_broker_is_away_is_told_the_agency_only(tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, WITH_TOKENS, ENV), listen_on=EVERYWHERE) as wall:
        wall.tail.away = "Kafka does not answer at inner.example:9092"
        wait_until(lambda: wall.board.feed == "away", "the board says that the broker is away")
        assert "inner.example" in wall.get("/api/v1/accounts", AGENCY).json()["feed_detail"]
        assert wall.get("/api/v1/accounts", BAKERY).json()["feed_detail"] == "The broker does not answer."


def test_a_client_sums_up_its_own_accounts_only(tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, WITH_TOKENS, ENV), listen_on=EVERYWHERE) as wall:
        wall.put(
            record(snapshot("bluesky:did:plc:abc", wall_ms(), likes_per_hour=60)),
            record(snapshot(THEATRE, wall_ms(), client="theatre", likes_per_hour=60)),
        )
        wait_until(lambda: bool(wall.board.trail.times_ms()), "a sample")
        assert wall.get("/api/v1/velocities", AGENCY).json()["total"][0] == 2.8
        assert wall.get("/api/v1/velocities", BAKERY).json()["total"][0] == 1.4
        assert wall.get(f"/api/v1/velocities?account={THEATRE}", BAKERY).status == 404


def test_a_token_in_an_address_opens_nothing_and_nobody_else_may_read(tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, WITH_TOKENS, ENV), listen_on=EVERYWHERE) as wall:
        for name in ("token", "access_token", "authorization"):
            assert wall.get(f"/api/v1/clients?{name}={AGENCY}").status == 401
        answer = wall.get("/api/v1/clients", AGENCY, Origin="https://evil.example")
        assert not [it for it in answer.headers if it.startswith("access-control")]


def test_exclusions_are_told_with_their_reason_to_the_agency_and_to_that_client(tmp_path: Path) -> None:
    bakery = (
        "    exclusions:\n      - {account: 'file:a17', from: 2026-05-01, actors: [x, y], flags: [raffle], "
        "reason: a raffle, by: Cem}\n"
    )
    theatre = f"    exclusions: [{{account: '{THEATRE}', reason: a raid}}]\n"
    text = WITH_TOKENS.replace("    potential: 1200\n", f"    potential: 1200\n{bakery}")
    text = text.replace("    name: Little Theatre\n", f"    name: Little Theatre\n{theatre}")
    with RunningWall(settings_from(tmp_path, text, ENV), listen_on=EVERYWHERE) as wall:
        by_viewer = [
            {it["client"]: it["exclusions"] for it in wall.get("/api/v1/clients", token).json()["clients"]}
            for token in (AGENCY, BAKERY)
        ]
    of_bakery = {
        "account": "file:a17", "from_ms": 1_777_586_400_000, "to_ms": None, "actors": 2, "flags": ["raffle"],
        "reason": "a raffle", "by": "Cem",
    }  # fmt: skip
    of_theatre: dict[str, object] = {
        "account": THEATRE, "from_ms": None, "to_ms": None, "actors": None, "flags": [],
        "reason": "a raid", "by": None,
    }  # fmt: skip
    assert by_viewer == [{"bakery": [of_bakery], "theatre": [of_theatre]}, {"bakery": [of_bakery]}]
