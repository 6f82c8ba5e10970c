"""The page in a real browser: what a person in front of the wall reads."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.wall.figures import record, snapshot, status
from tests.wall.test_access import AGENCY, BAKERY, ENV, EVERYWHERE, WITH_TOKENS
from tests.wall.walls import DEADLINE_SECONDS, TWO_CLIENTS, RunningWall, settings_from, wait_until

from resonanz_streams.clock import wall_ms
from resonanz_streams.events import KpiSnapshot

BLUESKY, FILE, MASTODON = "bluesky:did:plc:abc", "file:a17", "mastodon:https://example.social/@stage"
DASH = "\N{EN DASH}"
WALL, PHONE = (1920, 1080), (375, 812)
expect.set_options(timeout=DEADLINE_SECONDS * 1000)


def accounts_of_one_client(number: int) -> str:
    """A configuration of ``number`` accounts."""
    lines = "".join(f"      - file:a{it}\n" for it in range(number))
    return f"clients:\n  big:\n    name: Big\n    potential: 5000\n    accounts:\n{lines}"


@contextmanager
def page_of(browser: Browser, wall: RunningWall, size: tuple[int, int], query: str = "") -> Iterator[Page]:
    """The page, opened afresh; it must ask nothing of anybody else and run without an error."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    foreign: list[str] = []
    errors: list[str] = []
    page.on("request", lambda it: None if it.url.startswith(wall.url) else foreign.append(it.url))
    page.on("pageerror", lambda it: errors.append(str(it)))
    page.on("console", lambda it: errors.append(it.text) if "Content Security" in it.text else None)
    page.goto(f"{wall.url}/{query}")
    try:
        yield page
        assert not foreign
        assert not errors
    finally:
        context.close()


def tile(page: Page, name: str) -> Locator:
    """The big number of a headline tile."""
    return page.locator(f"[data-tile={name}] .figure")


def row(page: Page, account: str) -> Locator:
    """The row of an account."""
    return page.locator(f"[data-account='{account}']")


def of_theatre(at_ms: int) -> KpiSnapshot:
    """The theatre has no potential and does not know its followers."""
    return snapshot(MASTODON, at_ms, client="theatre", potential=None, followers=None)


@pytest.fixture
def wall(tmp_path: Path) -> Iterator[RunningWall]:
    """Two clients, three accounts, no figures."""
    with RunningWall(settings_from(tmp_path, TWO_CLIENTS)) as running:
        yield running


def test_numbers_move(browser: Browser, wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, wall_ms(), likes_per_hour=60)))
    with page_of(browser, wall, WALL) as page:
        expect(page.locator("#link")).to_have_text("LIVE")
        expect(tile(page, "interactions")).to_have_text("100")
        wall.put(record(snapshot(BLUESKY, wall_ms(), likes_per_hour=120)))
        expect(tile(page, "interactions")).to_have_text("200")
        expect(tile(page, "velocity")).to_have_text("3.20")
        expect(row(page, BLUESKY).locator(".count .figure")).to_have_text("200")
        expect(row(page, BLUESKY).locator("[data-part=comment]")).to_have_text("60")
        expect(page.locator("#age")).to_have_text(re.compile(r"data \d+ s old"))
        expect(page.locator("#clock")).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))


def test_a_rate_stands_with_its_interval_in_numbers_and_drawn(browser: Browser, wall: RunningWall) -> None:
    # 100 interactions of 1,200 people: 83.3 per 1,000, exact Poisson interval 67.8 to 101.4.
    wall.put(record(snapshot(BLUESKY, wall_ms(), likes_per_hour=60)))
    with page_of(browser, wall, WALL) as page:
        rate = row(page, BLUESKY).locator("[data-rate=potential]")
        expect(rate.locator(".figure")).to_have_text("83.3")
        expect(rate.locator(".interval")).to_have_text(f"67.8{DASH}101")
        boxes = [rate.locator(it).bounding_box() for it in (".whisker", ".span", ".mark")]
        whisker, span, dot = (box for box in boxes if box is not None)
        assert whisker["x"] < span["x"] < dot["x"]
        assert dot["x"] + dot["width"] < span["x"] + span["width"] <= whisker["x"] + whisker["width"] + 1


def test_what_is_wrong_is_said_in_words(browser: Browser, wall: RunningWall) -> None:
    now = wall_ms()
    wall.put(record(snapshot(BLUESKY, now - 185_000)), record(snapshot(FILE, now, coverage=0.62)))
    with page_of(browser, wall, PHONE) as page:
        expect(row(page, BLUESKY).locator(".word")).to_have_text("STALE")
        expect(row(page, BLUESKY).locator(".detail")).to_have_text("3 min old")
        expect(row(page, FILE).locator(".word")).to_have_text("PARTIAL")
        expect(row(page, FILE).locator(".detail")).to_have_text("62 %")
        expect(row(page, MASTODON).locator(".word")).to_have_text("NO DATA")
        expect(page.locator("[data-tile=live] .figure-of")).to_have_text("1/3")
        expect(page.locator("[data-tile=interactions] .flag")).to_have_text("PARTIAL")
        expect(page.locator("[data-tile=worst] .note")).to_have_text("STALE · 1 NO DATA")


def test_a_window_without_coverage_has_no_data_and_no_zero(browser: Browser, wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, wall_ms(), coverage=0.0)))
    with page_of(browser, wall, PHONE) as page:
        expect(row(page, BLUESKY).locator(".word")).to_have_text("NO DATA")
        expect(row(page, BLUESKY).locator(".detail")).to_have_text("not covered")
        expect(row(page, BLUESKY).locator(".count .figure")).to_have_text(DASH)


def test_a_figure_turns_stale_without_anything_arriving(browser: Browser, tmp_path: Path) -> None:
    time = [1_700_000_000_000]
    with RunningWall(settings_from(tmp_path, TWO_CLIENTS), clock=lambda: time[0]) as wall:
        wall.put(record(snapshot(BLUESKY, time[0])))
        with page_of(browser, wall, PHONE) as page:
            expect(row(page, BLUESKY).locator(".word")).to_have_text("100 %")
            time[0] += 61_000
            expect(row(page, BLUESKY).locator(".word")).to_have_text("STALE")


def test_a_missing_denominator_says_which(browser: Browser, wall: RunningWall) -> None:
    wall.put(record(of_theatre(wall_ms())))
    with page_of(browser, wall, WALL) as page:
        theatre = row(page, MASTODON)
        expect(theatre.locator("[data-rate=potential] .reason")).to_have_text("no potential configured")
        expect(theatre.locator("[data-rate=followers] .reason")).to_have_text("followers not known")
        expect(theatre.locator(".whisker").first).to_be_hidden()


def test_a_connector_that_is_down_is_said(browser: Browser, wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, wall_ms())), status(BLUESKY, wall_ms(), "down"))
    with page_of(browser, wall, WALL) as page:
        expect(row(page, BLUESKY).locator(".word")).to_have_text("DOWN")
        expect(row(page, BLUESKY).locator(".count .figure")).to_have_text("100")


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


def test_the_strip_has_room_for_the_longest_words(browser: Browser, tmp_path: Path) -> None:
    name = "A Client Whose Name Fills Much More Than One Line Of Any Filter"
    text = TWO_CLIENTS.replace("Bakery Winter", name)
    for size in (WALL, PHONE):
        with RunningWall(settings_from(tmp_path, text)) as wall, page_of(browser, wall, size) as page:
            expect(page.locator("#link")).to_have_text("LIVE")
            page.get_by_label("Client").select_option("bakery")
            page.evaluate("document.getElementById('link').textContent = 'RECONNECTING'")
            page.evaluate("document.getElementById('age').textContent = 'event time 24 Nov 2026, 09:10'")
            shown = [it for it in page.locator(".strip > *, .filters label").all() if it.is_visible()]
            boxes = [it.bounding_box() for it in shown]
            assert all(box is not None and box["x"] + box["width"] <= size[0] for box in boxes)
            assert page.evaluate("document.querySelector('.filters').scrollWidth") <= page.evaluate(
                "document.querySelector('.filters').clientWidth"
            )


def test_a_broker_that_is_away_is_said(browser: Browser, wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, wall_ms())))
    with page_of(browser, wall, WALL) as page:
        expect(page.locator("#link")).to_have_text("LIVE")
        wall.tail.away = "The broker does not answer."
        expect(page.locator("#link")).to_have_text("BROKER AWAY")
        expect(page.locator("#trouble")).to_contain_text("The broker does not answer.")
        expect(page.locator("#link")).to_have_attribute("aria-live", "polite")


def test_without_figures_the_page_says_what_to_do(browser: Browser, tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, TWO_CLIENTS)) as wall, page_of(browser, wall, WALL) as page:
        expect(page.locator("#notice h2")).to_have_text("Waiting for the first figures")
        expect(page.locator("#notice pre")).to_contain_text("resonanz worker")
    with RunningWall(settings_from(tmp_path, "clients: {}\n")) as wall, page_of(browser, wall, WALL) as page:
        expect(page.locator("#notice h2")).to_have_text("No accounts yet")
        expect(page.locator("#notice pre")).to_contain_text("resonanz up --demo")


def test_a_phone_scrolls_down_and_never_sideways(browser: Browser, tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, accounts_of_one_client(24))) as wall:
        now = wall_ms()
        shots = [snapshot(f"file:a{it}", now, client="big", likes_per_hour=9**it) for it in range(7)]
        wall.put(*map(record, shots))
        with page_of(browser, wall, PHONE) as page:
            expect(page.locator(".row")).to_have_count(24)
            expect(page.locator("[data-tile=live] .figure-of")).to_have_text("7/24")
            for width in (320, 375, 390, 430, 768):
                page.set_viewport_size({"width": width, "height": 812})
                assert page.evaluate("document.documentElement.scrollWidth") == width
                assert page.evaluate("document.documentElement.scrollHeight") > 812


@pytest.mark.parametrize("size", [(1920, 1080), (1366, 768), (3840, 2160)])
def test_a_screen_on_the_wall_never_scrolls_and_counts_the_rest(
    browser: Browser, tmp_path: Path, size: tuple[int, int]
) -> None:
    with RunningWall(settings_from(tmp_path, accounts_of_one_client(24))) as wall:
        wall.put(*(record(snapshot(f"file:a{it}", wall_ms(), client="big")) for it in range(20)))
        with page_of(browser, wall, size) as page:
            expect(page.locator("#rest")).to_have_text(re.compile(r"^\+\d+ more · 4 NO DATA$"))
            shown = page.locator(".row").count()
            assert page.locator("#rest").inner_text().startswith(f"+{24 - shown} more")
            assert shown >= 4
            last, more = page.locator(".row").last.bounding_box(), page.locator("#foot").bounding_box()
            assert last is not None
            assert more is not None
            assert last["y"] + last["height"] <= more["y"] + 1
            assert more["y"] + more["height"] <= size[1]
            assert page.evaluate("[document.documentElement.scrollWidth, document.body.scrollHeight]") == [
                *size
            ]


def test_it_is_readable_from_five_metres(browser: Browser, wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, wall_ms())), record(of_theatre(wall_ms())))
    with page_of(browser, wall, WALL) as page:
        expect(page.locator(".row").first).to_be_visible()
        sizes = page.evaluate(
            """() => [...document.querySelectorAll("body *")].filter((it) =>
                 it.checkVisibility() && it.clientWidth > 1 && it.tagName !== "OPTION"
                 && [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
               .map((it) => [it.textContent, parseFloat(getComputedStyle(it).fontSize)])"""
        )
        assert len(sizes) > 20
        assert [it for it in sizes if it[1] < 40] == []
        tiles = page.locator(".tiles .figure")
        for number in range(4):
            size = tiles.nth(number).evaluate("it => parseFloat(getComputedStyle(it).fontSize)")
            assert size >= 120


# Of every visible text: its contrast to the ground below it, opacity of its ancestors included.
CONTRASTS = """() => {
  const light = (rgb) => rgb.map((it) => it / 255)
    .map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4))
    .reduce((sum, it, i) => sum + it * [0.2126, 0.7152, 0.0722][i], 0);
  const parsed = (color) => color.match(/[0-9.]+/g).map(Number);
  const ground = (it) => {
    const [r, g, b, a] = parsed(getComputedStyle(it).backgroundColor);
    return a === 0 && it.parentElement ? ground(it.parentElement) : [r, g, b];
  };
  const share = (it) => (it ? getComputedStyle(it).opacity * share(it.parentElement) : 1);
  return [...document.querySelectorAll("body *")].filter((it) => it.checkVisibility()
      && it.clientWidth > 1 && it.tagName !== "OPTION"
      && [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((it) => {
      const below = ground(it);
      const ink = parsed(getComputedStyle(it).color).slice(0, 3);
      const seen = ink.map((value, i) => below[i] + (value - below[i]) * share(it));
      const [low, high] = [light(seen), light(below)].sort((a, b) => a - b);
      return [it.textContent, (high + 0.05) / (low + 0.05)];
    });
}"""


def test_every_text_stands_out_from_its_ground(browser: Browser, wall: RunningWall) -> None:
    now = wall_ms()
    wall.put(record(snapshot(BLUESKY, now - 185_000)), record(snapshot(FILE, now, coverage=0.62)))
    for size in (WALL, PHONE):
        with page_of(browser, wall, size) as page:
            expect(row(page, BLUESKY).locator(".word")).to_have_text("STALE")
            contrasts = page.evaluate(CONTRASTS)
            assert len(contrasts) > 20
            assert [it for it in contrasts if it[1] < 4.5] == []


def test_nothing_overflows_its_cell_with_large_numbers(browser: Browser, wall: RunningWall) -> None:
    huge = snapshot(BLUESKY, wall_ms(), likes_per_hour=90_000, coverage=0.5)
    wall.put(record(huge), record(of_theatre(wall_ms())))
    with page_of(browser, wall, WALL, "?window=28d") as page:
        expect(row(page, BLUESKY).locator(".word")).to_have_text("PARTIAL")
        wide = page.evaluate(
            """() => [...document.querySelectorAll(".row > *, .tiles article, .strip, .columns")]
               .filter((it) => it.scrollWidth > it.clientWidth + 1)
               .map((it) => [it.className, it.innerText, it.scrollWidth, it.clientWidth])"""
        )
        assert wide == []


def test_filters_and_window_are_kept_in_the_address(browser: Browser, wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, wall_ms())), record(of_theatre(wall_ms())))
    with page_of(browser, wall, WALL) as page:
        expect(page.locator(".row")).to_have_count(3)
        page.get_by_label("Client").select_option("theatre")
        expect(page.locator(".row")).to_have_count(1)
        page.get_by_label("Window").select_option("24h")
        expect(tile(page, "interactions")).to_have_text("2,400")
        page.reload()
        expect(page.locator(".row")).to_have_count(1)
        expect(tile(page, "interactions")).to_have_text("2,400")


def test_ranking_draws_small_numbers_towards_the_mean(browser: Browser, tmp_path: Path) -> None:
    text = accounts_of_one_client(6)
    # a0 has by far the best rate, on 40 followers; a1 the best one that can be known.
    followers = [40, 5000, 5000, 5000, 5000, 5000]
    likes = [2, 120, 90, 60, 45, 30]
    with RunningWall(settings_from(tmp_path, text)) as wall:
        wall.put(
            *(
                record(snapshot(f"file:a{it}", wall_ms(), client="big", followers=fans, likes_per_hour=each))
                for it, (fans, each) in enumerate(zip(followers, likes, strict=True))
            )
        )
        with page_of(browser, wall, PHONE, "?rank=followers") as page:
            expect(page.locator(".row").first).to_have_attribute("data-account", "file:a1")
            page.get_by_label("Rank by").select_option("interactions")
            expect(page.locator(".row").last).to_have_attribute("data-account", "file:a0")


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


def test_ten_thousand_accounts_are_ranked(browser: Browser, tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, accounts_of_one_client(10_000))) as wall:
        wall.put(record(snapshot("file:a9999", wall_ms(), client="big")))
        with page_of(browser, wall, WALL) as page:
            expect(row(page, "file:a9999").locator(".count .figure")).to_have_text("100")
            expect(page.locator("#rest")).to_have_text(re.compile(r"\+9,99\d more · 9,99\d NO DATA"))


def test_a_page_that_leaves_is_forgotten(browser: Browser, wall: RunningWall) -> None:
    with page_of(browser, wall, WALL) as page:
        expect(page.locator("#link")).to_have_text("LIVE")
        assert wall.streams.open == 1
    wait_until(lambda: wall.streams.open == 0, "the stream of the closed page ends")
