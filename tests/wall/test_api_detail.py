"""What the API tells of one account beyond its counts, and of the KPIs themselves."""

from pathlib import Path

import pytest
from tests.wall.deep import absent, dialogue, number, post, with_deep
from tests.wall.figures import snapshot
from tests.wall.pages import BLUESKY, MASTODON
from tests.wall.test_access import AGENCY, BAKERY, ENV, EVERYWHERE, WITH_TOKENS
from tests.wall.walls import RunningWall, settings_from

from resonanz_streams.events import KpiEntry
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import REASONS

NOW = 1_700_000_000_000


def test_every_kpi_is_listed_with_what_it_means(wall: RunningWall) -> None:
    answer = wall.get("/api/v1/kpis").json()
    assert [it["kpi"] for it in answer["kpis"]] == [*(it.id for it in KPIS), "benchmark"]
    (rate,) = [it for it in answer["kpis"] if it["kpi"] == "response_rate"]
    assert rate == {
        "kpi": "response_rate",
        "unit": "ratio",
        "help": "Share of audience comments that were answered within the SLA.",
        "windows": ["24h", "7d", "28d"],
        "deep": True,
        "group": "dialogue",
        "formula": "audience comments of the window answered within response_sla / "
        "those whose SLA has passed",
        "numerator": "comments answered within the SLA",
        "denominator": "comments whose SLA has passed",
        "interval": "Wilson",
        "parts": {},
        "shape": "quotient",
    }
    assert answer["reasons"]["no_comments"] == "no comment by the audience"
    assert set(answer["reasons"]) == set(REASONS) - {""}


def test_a_deep_figure_is_as_of_when_it_was_computed(wall: RunningWall) -> None:
    shot = with_deep(snapshot(BLUESKY, NOW), dialogue(12, 15, 3, 1), at_ms=NOW - 40_000)
    wall.put(*shot)
    rows = wall.get(f"/api/v1/accounts/{BLUESKY}/kpis?window=7d&kpi=response_rate&kpi=velocity").json()[
        "kpis"
    ]
    assert [(it["kpi"], it["at_ms"]) for it in rows] == [("velocity", NOW), ("response_rate", NOW - 40_000)]


def test_posts_come_by_interactions_then_by_name(wall: RunningWall) -> None:
    # p1 and p3 are alike: the parts' own order decides nothing.
    posts = [post("p3", 4, 2), post("p1", 4, 8), post("p2", 30, 10)]
    other_window = KpiEntry("over_performance", "24h", "post:p9", 1.0, None, None, 99.0, 99.0, 1.0)
    shot = with_deep(snapshot(BLUESKY, NOW), [number("over_performance", None, 1.2), *posts, other_window])
    wall.put(*shot)
    answer = wall.get(f"/api/v1/accounts/{BLUESKY}/posts").json()
    assert (answer["account"], answer["window"], answer["at_ms"]) == (BLUESKY, "7d", NOW)
    assert answer["reason"] is None
    assert [it["post"] for it in answer["posts"]] == ["p2", "p1", "p3"]
    assert answer["posts"][1] == {
        "post": "p1",
        "interactions": 4.0,
        "expected": 8.0,
        "over_performance": 0.5,
        "lo": 0.45,
        "hi": 0.55,
        "coverage": 1.0,
        "reason": None,
    }
    day = wall.get(f"/api/v1/accounts/{BLUESKY}/posts?window=24h").json()
    assert [it["post"] for it in day["posts"]] == ["p9"]


def test_why_there_are_no_posts(wall: RunningWall) -> None:
    assert wall.get(f"/api/v1/accounts/{BLUESKY}/posts").json() == {
        "account": BLUESKY,
        "window": "7d",
        "at_ms": None,
        "posts": [],
        "reason": None,
    }
    wall.put(*with_deep(snapshot(BLUESKY, NOW), [absent("over_performance", "no_posts")]))
    answer = wall.get(f"/api/v1/accounts/{BLUESKY}/posts").json()
    assert (answer["posts"], answer["reason"]) == ([], "no_posts")


@pytest.mark.parametrize("window", ["1h", "forever", ""])
def test_posts_of_a_window_that_is_none(wall: RunningWall, window: str) -> None:
    assert wall.get(f"/api/v1/accounts/{BLUESKY}/posts?window={window}").status == 422


def test_another_clients_posts_do_not_exist(tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, WITH_TOKENS, ENV), listen_on=EVERYWHERE) as wall:
        theirs, own = (f"/api/v1/accounts/{it}/posts" for it in (MASTODON, BLUESKY))
        assert [wall.get(it).status for it in (theirs, own, "/api/v1/kpis")] == [401, 401, 401]
        assert [wall.get(it, AGENCY).status for it in (theirs, own, "/api/v1/kpis")] == [200, 200, 200]
        assert wall.get(own, BAKERY).status == 200
        unknown = wall.get("/api/v1/accounts/bluesky:nobody/posts", BAKERY)
        assert (wall.get(theirs, BAKERY).status, unknown.status) == (404, 404)
