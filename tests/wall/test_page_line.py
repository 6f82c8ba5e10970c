"""The page and the line to its wall: lost, found again, and who is let in."""

from pathlib import Path

from playwright.sync_api import Browser, expect
from tests.wall.figures import record, snapshot
from tests.wall.pages import BLUESKY, WALL, of_theatre, page_of, row, tile
from tests.wall.test_access import AGENCY, BAKERY, ENV, EVERYWHERE, WITH_TOKENS
from tests.wall.walls import TWO_CLIENTS, RunningWall, settings_from, wait_until

from resonanz_streams.clock import wall_ms


def test_a_lost_stream_is_said_and_found_again(browser: Browser, tmp_path: Path) -> None:
    settings = settings_from(tmp_path, TWO_CLIENTS)
    with RunningWall(settings) as first:
        first.put(record(snapshot(BLUESKY, wall_ms())))
        port, url = first.port, first.url
        context = browser.new_context(viewport={"width": WALL[0], "height": WALL[1]})
        page = context.new_page()
        page.goto(url)
        expect(tile(page, "interactions")).to_have_text("100")
    expect(page.locator("#link")).to_have_text("RECONNECTING")
    expect(page.locator("#trouble")).to_contain_text("trying again. Figures stay as they were.")
    expect(tile(page, "interactions")).to_have_text("100")
    with RunningWall(settings, port=port) as second:
        second.put(record(snapshot(BLUESKY, wall_ms(), likes_per_hour=120)))
        expect(page.locator("#link")).to_have_text("LIVE")
        expect(page.locator("#trouble")).to_be_hidden()
        expect(tile(page, "interactions")).to_have_text("200")
        context.close()


def test_a_broker_that_is_away_is_said(browser: Browser, wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, wall_ms())))
    with page_of(browser, wall, WALL) as page:
        expect(page.locator("#link")).to_have_text("LIVE")
        wall.tail.away = "The broker does not answer."
        expect(page.locator("#link")).to_have_text("BROKER AWAY")
        expect(page.locator("#trouble")).to_contain_text("The broker does not answer.")
        expect(page.locator("#link")).to_have_attribute("aria-live", "polite")


def test_a_token_lets_in_and_never_stands_in_an_address(browser: Browser, tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, WITH_TOKENS, ENV), listen_on=EVERYWHERE) as wall:
        wall.put(record(snapshot(BLUESKY, wall_ms())), record(of_theatre(wall_ms())))
        with page_of(browser, wall, WALL) as page:
            addresses: list[str] = []
            page.on("request", lambda it: addresses.append(it.url))
            expect(page.locator("#link")).to_have_text("LOG IN")
            expect(page.locator("#board")).to_be_hidden()
            page.get_by_label("Token").fill("somebody")
            page.get_by_role("button", name="Show the wall").click()
            expect(page.locator("#login-why")).to_contain_text("This token is not known here")
            page.get_by_label("Token").fill(BAKERY)
            page.get_by_role("button", name="Show the wall").click()
            expect(row(page, BLUESKY).locator(".count .figure")).to_have_text("100")
            expect(page.locator(".row")).to_have_count(2)
            page.reload()
            expect(page.locator(".row")).to_have_count(2)
            page.get_by_role("button", name="Log out").click()
            expect(page.locator("#login")).to_be_visible()
            expect(page.locator(".row")).to_have_count(0)
            page.get_by_label("Token").fill(AGENCY)
            page.get_by_role("button", name="Show the wall").click()
            expect(page.locator(".row")).to_have_count(3)
            assert not [it for it in [*addresses, page.url] if BAKERY in it or AGENCY in it]


def test_a_page_that_leaves_is_forgotten(browser: Browser, wall: RunningWall) -> None:
    with page_of(browser, wall, WALL) as page:
        expect(page.locator("#link")).to_have_text("LIVE")
        assert wall.streams.open == 1
    wait_until(lambda: wall.streams.open == 0, "the stream of the closed page ends")
