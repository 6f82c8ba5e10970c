"""The ranking by shrunken rates, as the API's users meet it."""

from pathlib import Path
from typing import Any

import pytest
from tests.wall.figures import record, snapshot
from tests.wall.walls import RunningWall, settings_from

NOW_MS = 1_700_000_000_000
AGENCY, BAKERY = "agency-token-0123456789", "bakery-token-0123456789"
ENV = {"AGENCY": AGENCY, "BAKERY": BAKERY}


def agency(accounts: dict[str, int], **more: str) -> str:
    """Clients with so many accounts each, ``file:<client>0`` and so on."""
    lines = ["clients:"]
    for client, many in accounts.items():
        lines += [f"  {client}:", f"    name: {client}", "    potential: 1000"]
        lines += [f"    {name}: {value}" for name, value in more.items()]
        lines += ["    accounts:", *(f"      - file:{client}{number}" for number in range(many))]
    return "\n".join(lines) + "\n"


def tell(wall: RunningWall, account: str, likes_per_hour: float, **more: Any) -> None:
    client = account.removeprefix("file:").rstrip("0123456789")
    at_ms = NOW_MS - more.pop("age_ms", 0)
    wall.put(record(snapshot(account, at_ms, client=client, likes_per_hour=likes_per_hour, **more)))


def ranked(wall: RunningWall, query: str = "", token: str | None = None) -> dict[str, Any]:
    answer = wall.get(f"/api/v1/ranking{query}", token)
    assert answer.status == 200
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def text() -> str:
    return (
        agency({"bakery": 2, "theatre": 9}).replace(
            "    name: bakery\n", "    name: bakery\n    token: ${BAKERY}\n"
        )
        + 'wall: {agency_token: "${AGENCY}"}\n'
    )


def test_the_lucky_small_account_does_not_come_first(tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, agency({"a": 10})), clock=lambda: NOW_MS) as wall:
        for number in range(8):
            tell(wall, f"file:a{number}", 6 + number, followers=5000)
        # Four interactions on 10 followers: no other has so high a rate, and none proves less.
        tell(wall, "file:a8", 3 / 24, followers=10)
        tell(wall, "file:a9", 30, followers=5000)
        found = ranked(wall, "?window=24h")
        assert (found["kpi"], found["method"]) == ("engagement_rate_by_followers", "shrunken")
        first, *_ = found["accounts"]
        assert (first["account"], first["rank"]) == ("file:a9", 1)
        small = next(it for it in found["accounts"] if it["account"] == "file:a8")
        assert small["raw"] > first["raw"]
        assert small["value"] < first["value"]
        assert small["lo"] <= small["raw"] <= small["hi"]
        assert small["value"] == pytest.approx(
            small["weight"] * small["raw"] + (1 - small["weight"]) * small["prior"]["mean"]
        )
        assert (first["prior"]["level"], first["prior"]["accounts"]) == ("cohort", 9)
        assert (small["prior"]["level"], small["prior"]["accounts"]) == ("platform", 10)


def test_accounts_without_a_rate_are_listed_with_the_reason(tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, agency({"a": 6})), clock=lambda: NOW_MS) as wall:
        tell(wall, "file:a0", 60)
        tell(wall, "file:a1", 60, age_ms=60_001)
        tell(wall, "file:a2", 60, followers=None)
        tell(wall, "file:a3", -60)
        tell(wall, "file:a4", 0, coverage=0.0)
        found = ranked(wall)
        assert [it["account"] for it in found["accounts"]] == ["file:a0"]
        assert {it["account"]: it["reason"] for it in found["unranked"]} == {
            "file:a1": "stale",
            "file:a2": "no_followers",
            "file:a3": "negative_count",
            "file:a4": "not_covered",
            "file:a5": "not_covered",
        }
        per_potential = ranked(wall, "?kpi=interactions_per_potential&window=7d")
        assert {it["account"] for it in per_potential["accounts"]} == {"file:a0", "file:a2"}


def test_filters_choose_who_is_shown_and_not_what_is_usual(tmp_path: Path, text: str) -> None:
    with RunningWall(settings_from(tmp_path, text, ENV), clock=lambda: NOW_MS) as wall:
        for number in range(9):
            tell(wall, f"file:theatre{number}", 60 * (number + 1))
        tell(wall, "file:bakery0", 6)
        every, some = ranked(wall), ranked(wall, "?client=bakery&platform=file")
        (only,) = some["accounts"]
        assert only == {**every["accounts"][-1], "rank": 1}
        assert only["prior"]["accounts"] == 10
        assert wall.get("/api/v1/ranking?client=nobody").status == 404


def test_nothing_of_other_clients_shows_in_a_client_s_ranking(tmp_path: Path, text: str) -> None:
    """Neither their accounts nor what is usual among them: whatever they do, its answer is the same."""
    with RunningWall(settings_from(tmp_path, text, ENV), listen_on="0.0.0.0", clock=lambda: NOW_MS) as wall:  # noqa: S104  # see test_access
        for number, rate in enumerate((60, 90)):
            tell(wall, f"file:bakery{number}", rate)
        before = ranked(wall, token=BAKERY)
        assert {it["client"] for it in (*before["accounts"], *before["unranked"])} == {"bakery"}
        assert {it["prior"]["accounts"] for it in before["accounts"]} == {2}
        for number in range(9):
            tell(wall, f"file:theatre{number}", 600 * (number + 1))
        assert ranked(wall, token=BAKERY) == before
        assert ranked(wall, token=AGENCY)["accounts"][-1]["prior"]["accounts"] == 11
        assert wall.get("/api/v1/ranking?client=theatre", BAKERY).status == 404
        assert wall.get("/api/v1/ranking").status == 401


@pytest.mark.parametrize("query", ["?kpi=velocity", "?window=1h", "?kpi=benchmark"])
def test_what_cannot_be_ranked_is_refused(tmp_path: Path, query: str) -> None:
    with RunningWall(settings_from(tmp_path, agency({"a": 1}))) as wall:
        assert wall.get(f"/api/v1/ranking{query}").status == 422
