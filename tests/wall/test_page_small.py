"""A small account beside one a thousand times its size: neither may be unreadable."""

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.wall.agency import CUSTOMERS, account_ids, agency_yaml
from tests.wall.deep import share
from tests.wall.figures import record, snapshot
from tests.wall.pages import CONTRASTS, PHONE, SIZES, WALL, page_of, row
from tests.wall.walls import DEADLINE_SECONDS, RunningWall, settings_from

from resonanz_streams.clock import wall_ms
from resonanz_streams.events import KpiSnapshot

DASH = "\N{EN DASH}"
SMALL, LARGE = "file:choir", "file:opera"
CLIENTS = f"""\
clients:
  choir: {{name: Village Choir, potential: 300, accounts: ["{SMALL}"]}}
  opera: {{name: State Opera, potential: 300000, accounts: ["{LARGE}"]}}
"""


@pytest.fixture
def wall(tmp_path: Path) -> Iterator[RunningWall]:
    """Both, with an hour of figures: 8 interactions among 300 fans, 15 among 300,000."""
    with RunningWall(settings_from(tmp_path, CLIENTS)) as running:
        running.put(
            record(shot(SMALL, "choir", 5, 300, (2, 2, 0.34))),
            record(shot(LARGE, "opera", 9, 3e5, (190, 200, 0.91))),
        )
        yield running


def shot(
    account: str, client: str, likes: int, people: float, answers: tuple[int, int, float]
) -> KpiSnapshot:
    """Its hour, and the response rate of its day with the lower end given."""
    answered, asked, low = answers
    rate = msgspec.structs.replace(share("response_rate", None, answered, asked, (low, 1.0)), window="24h")
    made = snapshot(
        account, wall_ms(), client=client, likes_per_hour=likes, followers=people, potential=people
    )
    return msgspec.structs.replace(made, kpis=[*made.kpis, rate])


def drawn(page: Page, account: str, rate: str) -> tuple[float, float]:
    """How wide an interval and how far along the bar its value is drawn, as shares of the bar."""
    cell = row(page, account).locator(f"[data-rate={rate}]")
    whisker, span, mark = (cell.locator(it).bounding_box() for it in (".whisker", ".span", ".mark"))
    assert whisker is not None
    assert span is not None
    assert mark is not None
    assert span["x"] <= mark["x"] + mark["width"]
    assert mark["x"] <= span["x"] + span["width"]
    return span["width"] / whisker["width"], (mark["x"] - whisker["x"]) / whisker["width"]


@pytest.mark.parametrize("size", [WALL, PHONE])
def test_rate_and_interval_of_both_are_seen(
    browser: Browser, wall: RunningWall, size: tuple[int, int]
) -> None:
    with page_of(browser, wall, size) as page:
        small, large = (row(page, it).locator("[data-rate=followers]") for it in (SMALL, LARGE))
        # Garwood: 7 on 300 are 23.3 per 1,000, 9.38 to 48.1; 14 on 300,000 are 0.047, 0.026 to 0.078.
        expect(small.locator(".figure")).to_have_text("23.3")
        expect(small.locator(".interval")).to_have_text(f"9.38{DASH}48.1")
        expect(large.locator(".figure")).to_have_text("0.047")
        expect(large.locator(".interval")).to_have_text(f"0.026{DASH}0.078")
        widths, places = zip(*(drawn(page, it, "followers") for it in (SMALL, LARGE)), strict=True)
        assert min(widths) > 0.05
        assert places[1] > 0.05
        assert places[0] > places[1] + 0.3
        least = 40 if size == WALL else 15
        assert [it for it in page.evaluate(SIZES) if it[1] < least] == []
        assert [it for it in page.evaluate(CONTRASTS) if it[1] < 4.5] == []
        assert page.evaluate(
            "[...document.querySelectorAll('.row .numbers')].every((it) => it.scrollWidth <= it.clientWidth)"
        )


@pytest.mark.parametrize(
    ("rank", "measure", "first"),
    [
        ("followers", "shrunken interactions per follower", SMALL),
        ("potential", "shrunken interactions per potential", SMALL),
        ("interactions", "interactions", LARGE),
        # Two of two answered prove less than 190 of 200.
        ("response", "response rate, lower end of its interval", LARGE),
    ],
)
def test_a_ranking_names_its_measure(
    browser: Browser, wall: RunningWall, rank: str, measure: str, first: str
) -> None:
    with page_of(browser, wall, WALL, f"?rank={rank}") as page:
        page.clock.set_fixed_time(0)
        expect(page.locator("#spotlight")).to_have_text(f"ranked by {measure} · bars: 95 % interval")
        expect(page.locator(".row").first).to_have_attribute("data-account", first)


def test_answers_stand_in_their_column_where_accounts_are_ranked_by_them(
    browser: Browser, wall: RunningWall
) -> None:
    with page_of(browser, wall, WALL) as page:
        answers = row(page, SMALL).locator("[data-rate=response]")
        expect(answers).to_be_hidden()
        page.get_by_label("Rank by").select_option("response")
        expect(answers.locator(".figure")).to_have_text("100 %")
        expect(answers.locator(".interval")).to_have_text(f"34{DASH}100 %")
        expect(page.locator("[data-column=response]")).to_have_text("answered, 24 h")
        expect(row(page, SMALL).locator("[data-rate=followers]")).to_be_hidden()
        width, place = drawn(page, SMALL, "response")
        assert width == pytest.approx(0.66, abs=0.01)
        assert place == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("rank", "kpi", "levels"),
    [
        ("followers", "engagement_rate_by_followers", {"cohort", "platform", "all"}),
        ("potential", "interactions_per_potential", {"platform", "all"}),
    ],
)
def test_the_order_is_that_of_the_api(
    browser: Browser, tmp_path: Path, rank: str, kpi: str, levels: set[str]
) -> None:
    draw, people = random.Random(7), {it.id: it.potential for it in CUSTOMERS}
    # So few interactions that what is usual among their like decides.
    shots = [
        snapshot(
            account,
            wall_ms(),
            client=client,
            likes_per_hour=draw.random(),
            followers=draw.lognormvariate(6, 1.5),
            potential=people[client],
        )
        for account, client, _ in account_ids(100)
    ]
    with RunningWall(settings_from(tmp_path, agency_yaml(100))) as wall:
        wall.put(*map(record, shots))
        told = wall.get(f"/api/v1/ranking?kpi={kpi}&window=24h").json()["accounts"]
        assert {it["prior"]["level"] for it in told} == levels
        with page_of(browser, wall, PHONE, f"?rank={rank}&window=24h") as page:
            # Accounts are ranked anew every five seconds, and before that as their first figures come.
            page.wait_for_function(
                """told => told.join()
                  === [...document.querySelectorAll(".row")].map((it) => it.dataset.account).join()""",
                arg=[it["account"] for it in told[:60]],
                timeout=1000 * DEADLINE_SECONDS,
            )
