"""What several accounts are together, as the API's users meet it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.wall.figures import record, snapshot
from tests.wall.test_access import AGENCY, BAKERY, ENV, EVERYWHERE, THEATRE, WITH_TOKENS
from tests.wall.walls import TWO_CLIENTS, RunningWall, settings_from

from resonanz_dashboards.groups import DEEP_LAG_MS, held
from resonanz_streams.clock import wall_ms
from resonanz_streams.events import KpiEntry, KpiSnapshot, encode
from resonanz_streams.topics import DEEP
from resonanz_streams.transports.ports import Record

NOW_MS = 1_700_000_000_000
BLUESKY, FILE = "bluesky:did:plc:abc", "file:a17"


@pytest.fixture
def wall(tmp_path: Path) -> Iterator[RunningWall]:
    """Two clients, three accounts, no figures, and a clock that stands."""
    with RunningWall(settings_from(tmp_path, TWO_CLIENTS), clock=lambda: NOW_MS) as running:
        yield running


def rows(wall: RunningWall, path: str) -> dict[tuple[str, str, str | None], dict[str, Any]]:
    return {(it["kpi"], it["window"], it["part"]): it for it in wall.get(path).json()["kpis"]}


def both(wall: RunningWall, *, file_age_ms: int = 0) -> None:
    """60 likes an hour at one account of the bakery, 6 at the other."""
    wall.put(record(snapshot(BLUESKY, NOW_MS, followers=2400)))
    wall.put(record(snapshot(FILE, NOW_MS - file_age_ms, likes_per_hour=6, followers=100)))


def test_a_client_s_figures_are_computed_from_its_accounts(wall: RunningWall) -> None:
    both(wall)
    answer = wall.get("/api/v1/clients/bakery/kpis?window=1h&kpi=engagement_rate_by_followers").json()
    (row,) = answer.pop("kpis")
    assert answer == {
        "client": "bakery", "platform": None, "at_ms": NOW_MS, "coverage": 1.0, "state": "ok",
        "accounts": 2, "stale": [],
    }  # fmt: skip
    assert (row["numerator"], row["denominator"], row["value"]) == (110.0, 2500.0, 44.0)
    assert (round(row["lo"], 1), round(row["hi"], 1)) == (36.2, 53.0)
    assert (row["client"], row["platform"], row["accounts"], row["at_ms"]) == ("bakery", None, 2, NOW_MS)


def test_the_potential_of_a_client_counts_once(wall: RunningWall) -> None:
    both(wall)
    found = rows(wall, "/api/v1/clients/bakery/kpis?window=1h")
    potential = found["interactions_per_potential", "1h", None]
    assert (potential["numerator"], potential["denominator"]) == (110.0, 1200.0)
    assert found["velocity", "1h", None]["denominator"] == 60.0


def test_a_client_on_one_platform(wall: RunningWall) -> None:
    both(wall)
    found = rows(wall, "/api/v1/clients/bakery/kpis?platform=file&window=1h")
    assert found["interactions", "1h", None]["value"] == 10.0
    assert {it["platform"] for it in found.values()} == {"file"}
    assert wall.get("/api/v1/clients/bakery/kpis?platform=mastodon").status == 404


def test_a_stale_account_is_named_and_does_not_enter(wall: RunningWall) -> None:
    both(wall, file_age_ms=60_001)
    answer = wall.get("/api/v1/clients/bakery/kpis?window=1h&kpi=interactions").json()
    assert (answer["state"], answer["stale"], answer["coverage"]) == ("partial", [FILE], 0.5)
    whole = next(it for it in answer["kpis"] if it["part"] is None)
    assert (whole["value"], whole["accounts"], whole["coverage"]) == (100.0, 1, 0.5)


def test_sixty_seconds_are_not_stale(wall: RunningWall) -> None:
    both(wall, file_age_ms=60_000)
    answer = wall.get("/api/v1/clients/bakery/kpis?window=1h&kpi=interactions").json()
    assert (answer["state"], answer["stale"]) == ("ok", [])
    assert {it["at_ms"] for it in answer["kpis"]} == {NOW_MS - 60_000}


def test_a_missing_account_makes_it_partial(wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, NOW_MS)))
    answer = wall.get("/api/v1/clients/bakery/kpis").json()
    assert (answer["state"], answer["stale"], answer["accounts"]) == ("partial", [FILE], 2)


def test_without_figures_there_are_none(wall: RunningWall) -> None:
    answer = wall.get("/api/v1/clients/theatre/kpis").json()
    assert (answer["state"], answer["kpis"], answer["at_ms"]) == ("no_data", [], None)


def test_where_all_are_stale_every_figure_is_null(wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, NOW_MS - 90_000)))
    answer = wall.get("/api/v1/clients/bakery/kpis").json()
    assert (answer["state"], {it["value"] for it in answer["kpis"]}) == ("stale", {None})


def test_a_platform_is_all_clients_accounts_on_it(tmp_path: Path) -> None:
    text = TWO_CLIENTS + '      - "file:b1"\n'
    with RunningWall(settings_from(tmp_path, text), clock=lambda: NOW_MS) as wall:
        both(wall)
        wall.put(record(snapshot("file:b1", NOW_MS, client="theatre", potential=800)))
        found = rows(wall, "/api/v1/platforms/file/kpis?window=1h")
        potential = found["interactions_per_potential", "1h", None]
        assert (potential["numerator"], potential["denominator"]) == (110.0, 2000.0)
        assert {(it["client"], it["platform"]) for it in found.values()} == {(None, "file")}
        assert wall.get("/api/v1/platforms/nowhere/kpis").status == 404


def deep_record(account: str, at_ms: int) -> Record:
    entry = KpiEntry("backlog", "24h", None, 2.0, numerator=2.0, denominator=5.0, coverage=1.0)
    told = KpiSnapshot(
        at_ms=at_ms, client="bakery", platform="file", account=account, coverage=1.0, kpis=[entry]
    )
    return Record(DEEP, 0, 0, account.encode(), encode(told))


def test_deep_figures_enter_as_of_their_own_time_and_not_when_nobody_tells_them_any_more(
    wall: RunningWall,
) -> None:
    both(wall)
    wall.put(deep_record(BLUESKY, NOW_MS), deep_record(FILE, NOW_MS - DEEP_LAG_MS))
    backlog = rows(wall, "/api/v1/clients/bakery/kpis")["backlog", "24h", None]
    assert (backlog["value"], backlog["at_ms"], backlog["accounts"]) == (4.0, NOW_MS - DEEP_LAG_MS, 2)
    wall.put(deep_record(FILE, NOW_MS - DEEP_LAG_MS - 1))
    backlog = rows(wall, "/api/v1/clients/bakery/kpis")["backlog", "24h", None]
    assert (backlog["value"], backlog["coverage"], backlog["accounts"]) == (2.0, 0.5, 1)


def test_deep_figures_alone_are_not_those_of_an_account(wall: RunningWall) -> None:
    wall.put(deep_record(BLUESKY, NOW_MS))
    assert all(not it.snapshots() for it in held(wall.board, wall.board.entries()))


# -- who sees what -----


def test_a_client_token_sees_its_own_client_s_figures_only(tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, WITH_TOKENS, ENV), listen_on=EVERYWHERE) as wall:
        wall.put(
            record(snapshot(BLUESKY, wall_ms())),
            record(snapshot(THEATRE, wall_ms(), client="theatre")),
        )
        own, others = "/api/v1/clients/bakery/kpis", "/api/v1/clients/theatre/kpis"
        assert wall.get(own).status == 401
        assert wall.get(own, "somebody").status == 401
        assert {it["client"] for it in wall.get(own, BAKERY).json()["kpis"]} == {"bakery"}
        hidden, absent = wall.get(others, BAKERY), wall.get("/api/v1/clients/nobody/kpis", BAKERY)
        assert (hidden.status, hidden.json()["type"]) == (absent.status, absent.json()["type"])
        assert hidden.status == 404
        assert wall.get(f"{others}?platform=mastodon", BAKERY).status == 404
        assert wall.get(others, AGENCY).json()["accounts"] == 1


def test_a_platform_is_the_agency_s(tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, WITH_TOKENS, ENV), listen_on=EVERYWHERE) as wall:
        wall.put(record(snapshot(THEATRE, wall_ms(), client="theatre")))
        for platform in ("mastodon", "file", "nowhere"):
            refused = wall.get(f"/api/v1/platforms/{platform}/kpis", BAKERY)
            assert (refused.status, refused.json()["type"]) == (403, "urn:resonanz:problem:agency-only")
        assert wall.get("/api/v1/platforms/mastodon/kpis").status == 401
        assert wall.get("/api/v1/platforms/mastodon/kpis", AGENCY).json()["accounts"] == 1


def test_a_record_that_claims_another_client_changes_nothing(wall: RunningWall) -> None:
    both(wall)
    wall.put(record(snapshot(BLUESKY, NOW_MS, client="theatre", likes_per_hour=6)))
    assert wall.get("/api/v1/clients/theatre/kpis").json()["kpis"] == []
    assert rows(wall, "/api/v1/clients/bakery/kpis")["interactions", "1h", None]["value"] == 110.0
