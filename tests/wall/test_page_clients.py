"""Clients in the place of accounts: what all accounts of each are together."""

from playwright.sync_api import Browser, expect
from tests.wall.deep import dialogue, with_deep
from tests.wall.figures import record, snapshot
from tests.wall.pages import BLUESKY, CONTRASTS, FILE, PHONE, SIZES, WALL, of_theatre, page_of, row
from tests.wall.walls import RunningWall

from resonanz_streams.clock import wall_ms

BAKERY, THEATRE = "client:bakery", "client:theatre"
BY_CLIENT = "?rank=clients&window=7d"
STICKING_OUT = """() => [...document.querySelectorAll(".row > *")]
  .filter((it) => it.checkVisibility() && it.scrollWidth > it.clientWidth + 1)
  .map((it) => it.innerText)"""


def put_week(wall: RunningWall) -> None:
    """12 of 15 and 3 of 5 answered, 3 and 4 waiting; nothing is known of the theatre's dialogue."""
    now = wall_ms()
    wall.put(
        *with_deep(snapshot(BLUESKY, now), dialogue(12, 15, 3, 1)),
        *with_deep(snapshot(FILE, now), dialogue(3, 5, 4, 2)),
        record(of_theatre(now)),
    )


def test_a_clients_rate_is_of_all_its_accounts_together(browser: Browser, wall: RunningWall) -> None:
    put_week(wall)
    with page_of(browser, wall, WALL, BY_CLIENT) as page:
        bakery = row(page, BAKERY)
        expect(bakery.locator("[data-rate=response] .figure")).to_have_text("75 %")
        expect(bakery.locator(".word")).to_have_text("7")
        expect(bakery.locator(".detail")).to_have_text("3 late")
        expect(bakery.locator(".who p")).to_have_text("2 accountsbluesky, file")
        # Twice 16,800 interactions of one potential of 1,200.
        expect(bakery.locator(".count .figure")).to_have_text("33,600")
        expect(bakery.locator("[data-rate=potential] .figure")).to_have_text("28.0k")
        expect(row(page, THEATRE).locator(".word")).to_have_text("\N{EN DASH}")
        expect(page.locator(".row h3")).to_have_text(["Bakery Winter", "Little Theatre"])
        expect(page.locator("[data-column=trouble]")).to_have_text("Waiting")
        page.clock.set_fixed_time(0)
        expect(page.locator("#spotlight")).to_contain_text(
            "ranked by comments past the SLA, then comments that wait"
        )


def test_what_is_wrong_with_an_account_shows_on_its_client(browser: Browser, wall: RunningWall) -> None:
    put_week(wall)
    wall.put(record(snapshot(BLUESKY, wall_ms() - 185_000)))
    with page_of(browser, wall, WALL, BY_CLIENT) as page:
        expect(row(page, BAKERY).locator(".platform")).to_have_text("PARTIAL 50 %")
        expect(row(page, BAKERY).locator("[data-rate=response] .figure")).to_have_text("60 %")


def test_clients_give_way_to_accounts_and_back(browser: Browser, wall: RunningWall) -> None:
    put_week(wall)
    with page_of(browser, wall, WALL, BY_CLIENT) as page:
        expect(page.locator(".row")).to_have_count(2)
        page.get_by_label("Rank by").select_option("interactions")
        expect(page.locator(".row")).to_have_count(3)
        asked: list[str] = []
        page.on("request", lambda it: asked.append(it.url))
        page.get_by_label("Rank by").select_option("clients")
        expect(row(page, BAKERY).locator(".word")).to_have_text("7")
        page.get_by_role("combobox", name="Client").select_option("theatre")
        expect(page.locator(".row h3")).to_have_text(["Little Theatre"])
        assert {it.split("?")[0].rpartition("/v1/")[2] for it in asked if "/clients/" in it} == {
            "clients/bakery/kpis",
            "clients/theatre/kpis",
        }


def test_both_screens_can_read_it(browser: Browser, wall: RunningWall) -> None:
    put_week(wall)
    for size, least in ((WALL, 40), (PHONE, 15)):
        with page_of(browser, wall, size, BY_CLIENT) as page:
            expect(row(page, BAKERY).locator(".word")).to_have_text("7")
            assert [it for it in page.evaluate(SIZES) if it[1] < least] == []
            assert [it for it in page.evaluate(CONTRASTS) if it[1] < 4.5] == []
            assert page.evaluate(STICKING_OUT) == []
            assert page.evaluate("document.documentElement.scrollWidth") == size[0]


def test_a_client_opens_like_an_account(browser: Browser, wall: RunningWall) -> None:
    put_week(wall)
    with page_of(browser, wall, WALL, BY_CLIENT) as page:
        row(page, BAKERY).get_by_role("link", name="Bakery Winter").click()
        expect(page.get_by_role("dialog", name="Bakery Winter")).to_be_visible()
        expect(page.locator("#detail-about")).to_have_text("2 accounts · bluesky · file")
        expect(page.locator("#detail-state")).to_have_text("all accounts fresh")
        rate = page.locator("#detail tr[data-kpi=response_rate] td")
        expect(rate.nth(2)).to_have_text("15 / 20")
        assert page.url.endswith("#client=bakery")
        page.keyboard.press("Escape")
        expect(row(page, BAKERY).get_by_role("link")).to_be_focused()
