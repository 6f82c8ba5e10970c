"""What a person in front of the wall reads."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.wall.agency import Agency, agency_yaml
from tests.wall.figures import record, snapshot, status
from tests.wall.pages import (
    BLUESKY,
    FILE,
    MASTODON,
    PHONE,
    WALL,
    accounts_of_one_client,
    of_theatre,
    page_of,
    row,
    tile,
)
from tests.wall.walls import TWO_CLIENTS, RunningWall, settings_from, wait_until

from resonanz_streams.clock import wall_ms

DASH = "\N{EN DASH}"


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


def test_with_event_time_figures_turn_stale_when_nothing_arrives(browser: Browser, tmp_path: Path) -> None:
    long_ago, time = 1_500_000_000_000, [1_700_000_000_000]
    settings = settings_from(tmp_path, "clock: event\n" + TWO_CLIENTS)
    with RunningWall(settings, clock=lambda: time[0]) as wall:
        wall.put(record(snapshot(BLUESKY, long_ago)))
        with page_of(browser, wall, PHONE) as page:
            expect(row(page, BLUESKY).locator(".word")).to_have_text("100 %")
            time[0] += 121_000
            expect(row(page, BLUESKY).locator(".word")).to_have_text("STALE")
            expect(row(page, BLUESKY).locator(".detail")).to_have_text("2 min old")
            expect(page.locator("[data-tile=worst] .note")).to_have_text("STALE · 2 NO DATA")


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


def test_without_figures_the_page_says_what_to_do(browser: Browser, tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, TWO_CLIENTS)) as wall, page_of(browser, wall, WALL) as page:
        expect(page.locator("#notice h2")).to_have_text("Waiting for the first figures")
        expect(page.locator("#notice pre")).to_contain_text("resonanz worker")
    with RunningWall(settings_from(tmp_path, "clients: {}\n")) as wall, page_of(browser, wall, WALL) as page:
        expect(page.locator("#notice h2")).to_have_text("No accounts yet")
        expect(page.locator("#notice pre")).to_contain_text("resonanz up --demo")


def test_filters_and_window_are_kept_in_the_address(browser: Browser, wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, wall_ms())), record(of_theatre(wall_ms())))
    with page_of(browser, wall, WALL) as page:
        expect(page.locator(".row")).to_have_count(3)
        page.get_by_role("combobox", name="Client").select_option("theatre")
        expect(page.locator(".row")).to_have_count(1)
        page.get_by_label("Window").select_option("24h")
        expect(tile(page, "interactions")).to_have_text("2,400")
        page.reload()
        expect(page.locator(".row")).to_have_count(1)
        expect(tile(page, "interactions")).to_have_text("2,400")


@pytest.mark.parametrize("query", ["?client=nobody", "?platform=nowhere", "?window=2h&rank=luck"])
def test_a_bookmark_that_asks_for_what_is_not_shows_all(
    browser: Browser, wall: RunningWall, query: str
) -> None:
    wall.put(record(snapshot(BLUESKY, wall_ms())))
    with page_of(browser, wall, WALL, query) as page:
        expect(page.locator(".row")).to_have_count(3)
        expect(tile(page, "interactions")).to_have_text("100")


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


def test_the_first_figures_are_ranked_at_once(browser: Browser, tmp_path: Path) -> None:
    settings = settings_from(tmp_path, accounts_of_one_client(3))
    names = [f"file:a{it}" for it in range(3)]
    with RunningWall(settings) as wall:
        wall.put(*(record(snapshot(it, wall_ms(), client="big", windows=["28d"])) for it in names))
        with page_of(browser, wall, PHONE) as page:
            expect(page.locator(".row").first).to_have_attribute("data-account", "file:a0")
            rates = zip(names, (30, 60, 90), strict=True)
            wall.put(*(record(snapshot(it, wall_ms(), client="big", likes_per_hour=n)) for it, n in rates))
            expect(row(page, "file:a2").locator(".count .figure")).to_have_text("150")
            # The very rendering that shows the figures puts them in their order.
            assert page.locator(".row").first.get_attribute("data-account") == "file:a2"


def test_ten_thousand_accounts_are_ranked(browser: Browser, tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, accounts_of_one_client(10_000))) as wall:
        wall.put(record(snapshot("file:a9999", wall_ms(), client="big")))
        with page_of(browser, wall, WALL) as page:
            expect(row(page, "file:a9999").locator(".count .figure")).to_have_text("100")
            expect(page.locator("#rest")).to_have_text(re.compile(r"\+9,99\d more · 9,99\d NO DATA"))


def test_an_account_is_found_by_its_name_or_its_client(browser: Browser, tmp_path: Path) -> None:
    agency = Agency(24)
    with RunningWall(settings_from(tmp_path, agency_yaml(24))) as wall:
        wall.put(*agency.move(wall_ms()))
        with page_of(browser, wall, PHONE) as page:
            expect(page.locator(".row")).to_have_count(24)
            page.get_by_label("Find an account").fill("BREAD")
            expect(page.locator(".row")).to_have_count(0)
            page.get_by_label("Find an account").fill("sourdough")
            expect(page.locator(".row h3")).to_have_text(["Sourdough School"])
            expect(page.locator("#rest")).to_contain_text("+23 more")
            page.get_by_label("Find an account").fill("little theatre")
            expect(page.locator(".row")).to_have_count(8)


def test_trouble_can_stand_first(browser: Browser, wall: RunningWall) -> None:
    now = wall_ms()
    wall.put(record(snapshot(BLUESKY, now)), record(snapshot(FILE, now, coverage=0.5)))
    wall.put(record(of_theatre(now - 185_000)))
    with page_of(browser, wall, WALL, "?rank=trouble") as page:
        expect(page.locator(".row .word")).to_have_text(["STALE", "PARTIAL", "100 %"])
        page.get_by_label("Rank by").select_option("interactions")
        expect(page.locator(".row .word").last).to_have_text("STALE")


def test_what_is_wrong_below_the_edge_is_named(browser: Browser, tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, accounts_of_one_client(9))) as wall:
        shots = [snapshot(f"file:a{it}", wall_ms(), client="big") for it in range(8)]
        wall.put(*map(record, shots), record(snapshot("file:a8", wall_ms(), client="big", coverage=0.4)))
        with page_of(browser, wall, WALL) as page:
            # Two texts take turns of five seconds.
            page.clock.set_fixed_time(5 * 2)
            expect(page.locator("#spotlight")).to_have_text(
                "ranked by shrunken interactions per potential · bars: 95 % interval"
            )
            page.clock.set_fixed_time(5 * 3)
            expect(page.locator("#spotlight")).to_have_text("PARTIAL a8 · file · 40 % covered")


# Whether anything is drawn in the left half of a chart.
INK_ON_THE_LEFT = """it => it.getContext("2d").getImageData(0, 0, it.width / 2, it.height).data
  .some((value, i) => i % 4 === 3 && value > 0)"""


def test_a_page_that_opens_late_draws_what_has_been(browser: Browser, tmp_path: Path) -> None:
    time = [1_700_000_000_000]
    with RunningWall(settings_from(tmp_path, TWO_CLIENTS), clock=lambda: time[0]) as wall:
        for sample in range(1, 5):
            wall.put(record(snapshot(BLUESKY, time[0], likes_per_hour=sample * 60)))
            wait_until(lambda: len(wall.board.trail.times_ms()) == sample, "a sample")  # noqa: B023  # at once
            time[0] += 30_000
        with page_of(browser, wall, WALL) as page:
            for chart in (row(page, BLUESKY), page.locator("[data-tile=velocity]")):
                expect(chart.locator(".spark canvas")).to_be_visible()
                assert chart.locator(".spark canvas").evaluate(INK_ON_THE_LEFT)
            expect(row(page, FILE).locator(".spark")).to_be_hidden()


def test_who_there_is_is_asked_once(browser: Browser, wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, wall_ms())))
    with page_of(browser, wall, WALL) as page:
        expect(tile(page, "interactions")).to_have_text("100")
        asked: list[str] = []
        page.on("request", lambda it: asked.append(it.url))
        page.reload()
        expect(tile(page, "interactions")).to_have_text("100")
        page.get_by_label("Window").select_option("24h")
        expect(tile(page, "interactions")).to_have_text("2,400")
        assert len([it for it in asked if "/api/v1/accounts?" in it]) == 1
        assert len([it for it in asked if "/api/v1/stream?" in it]) == 2
