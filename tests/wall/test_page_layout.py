"""How the page uses the screens it is shown on."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.wall.agency import Agency, agency_yaml
from tests.wall.figures import record, snapshot
from tests.wall.pages import (
    BLUESKY,
    CONTRASTS,
    DESK,
    FILE,
    PHONE,
    SIZES,
    WALL,
    accounts_of_one_client,
    of_theatre,
    page_of,
    row,
)
from tests.wall.walls import TWO_CLIENTS, RunningWall, settings_from

from resonanz_streams.clock import wall_ms


def test_the_strip_has_room_for_the_longest_words(browser: Browser, tmp_path: Path) -> None:
    name = "A Client Whose Name Fills Much More Than One Line Of Any Filter"
    text = TWO_CLIENTS.replace("Bakery Winter", name)
    for size in (WALL, PHONE):
        with RunningWall(settings_from(tmp_path, text)) as wall, page_of(browser, wall, size) as page:
            expect(page.locator("#link")).to_have_text("LIVE")
            page.get_by_role("combobox", name="Client").select_option("bakery")
            page.evaluate("document.getElementById('link').textContent = 'RECONNECTING'")
            page.evaluate("document.getElementById('age').textContent = 'event time 24 Nov 2026, 09:10'")
            shown = [it for it in page.locator(".strip > *, .filters label").all() if it.is_visible()]
            boxes = [it.bounding_box() for it in shown]
            assert all(box is not None and box["x"] + box["width"] <= size[0] for box in boxes)
            assert page.evaluate("document.querySelector('.filters').scrollWidth") <= page.evaluate(
                "document.querySelector('.filters').clientWidth"
            )


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
        sizes = page.evaluate(SIZES)
        assert len(sizes) > 20
        assert [it for it in sizes if it[1] < 40] == []
        tiles = page.locator(".tiles .figure")
        for number in range(4):
            size = tiles.nth(number).evaluate("it => parseFloat(getComputedStyle(it).fontSize)")
            assert size >= 120


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


# What sticks out of its cell; what ends in an ellipsis ends within.
STICKING_OUT = """() => [...document.querySelectorAll(".row > *, .rate > *, .parts, .tiles article, "
    + ".tiles article > *, .strip, .columns, .columns > *, .foot, #rest")]
  .filter((it) => it.checkVisibility() && it.clientWidth > 1 && it.scrollWidth > it.clientWidth + 1
    && getComputedStyle(it).textOverflow !== "ellipsis")
  .concat([...document.querySelectorAll(".row")].filter((it) => it.scrollHeight > it.clientHeight + 1))
  .map((it) => [it.className || it.id, it.innerText, it.scrollWidth, it.clientWidth])"""


@pytest.mark.parametrize("size", [WALL, DESK, PHONE])
def test_an_agency_as_it_really_is_fits(browser: Browser, tmp_path: Path, size: tuple[int, int]) -> None:
    agency = Agency(24)
    with RunningWall(settings_from(tmp_path, agency_yaml(24))) as wall:
        wall.put(*agency.statuses(wall_ms()), *agency.move(wall_ms()))
        with page_of(browser, wall, size) as page:
            for rank, window in (
                ("potential", "1h"),
                ("interactions", "28d"),
                ("response", "24h"),
                ("trouble", "1m"),
            ):
                page.get_by_label("Rank by").select_option(rank)
                page.get_by_label("Window").select_option(window)
                expect(page.locator(".row").first.locator(".count .figure")).not_to_be_empty()
                expect(page.locator("[data-tile=live] .figure-of")).to_have_text("20/24")
                assert page.evaluate(STICKING_OUT) == []
                assert page.evaluate("document.documentElement.scrollWidth") == size[0]
            page.get_by_label("Window").select_option("24h")
            page.get_by_label("Find an account").fill("ticket-surveys")
            reasons = page.locator(".rate:not([data-rate=response]) .reason")
            expect(reasons).to_have_text(["no potential configured", "no interval"])
            assert page.evaluate(STICKING_OUT) == []


def test_nothing_moves_but_the_numbers(browser: Browser, wall: RunningWall) -> None:
    wall.put(record(snapshot(BLUESKY, wall_ms(), likes_per_hour=60)), record(snapshot(FILE, wall_ms())))
    with page_of(browser, wall, WALL) as page:
        expect(row(page, BLUESKY).locator(".count .figure")).to_have_text("100")
        places = """() => [...document.querySelectorAll(
            ".row h3, .row .figure, .interval, .whisker, .tiles article, .tiles .figure, .state, .strip > *")]
          .map((it) => [it.className, it.getBoundingClientRect().x, it.getBoundingClientRect().y])"""
        before = page.evaluate(places)
        wall.put(record(snapshot(BLUESKY, wall_ms(), likes_per_hour=590)))
        expect(row(page, BLUESKY).locator(".count .figure")).to_have_text("983")
        assert page.evaluate(places) == before


@pytest.mark.parametrize("accounts", [1, 3])
def test_few_accounts_are_written_larger(browser: Browser, tmp_path: Path, accounts: int) -> None:
    with RunningWall(settings_from(tmp_path, accounts_of_one_client(accounts))) as wall:
        wall.put(
            *(
                record(snapshot(f"file:a{it}", wall_ms(), client="big", likes_per_hour=90_000))
                for it in range(accounts)
            )
        )
        with page_of(browser, wall, WALL) as page:
            expect(page.locator(".row")).to_have_count(accounts)
            figure = page.locator(".count .figure").first
            expect(figure).to_have_text("150,000")
            assert figure.evaluate("it => parseFloat(getComputedStyle(it).fontSize)") == 80
            assert page.evaluate(STICKING_OUT) == []


def test_a_number_is_seen_to_run_unless_motion_is_unwanted(browser: Browser, wall: RunningWall) -> None:
    for still in (False, True):
        wall.put(record(snapshot(BLUESKY, wall_ms(), likes_per_hour=60)))
        with page_of(browser, wall, WALL) as page:
            page.emulate_media(reduced_motion="reduce" if still else "no-preference")
            figure = page.locator("[data-tile=interactions] .figure")
            expect(figure).to_have_text("100")
            figure.evaluate(
                """it => { window.seen = [];
                  new MutationObserver(() => seen.push(Number(it.textContent.replace(",", ""))))
                    .observe(it, { childList: true, characterData: true, subtree: true }); }"""
            )
            wall.put(record(snapshot(BLUESKY, wall_ms(), likes_per_hour=6000)))
            expect(figure).to_have_text("10,000")
            seen = page.evaluate("seen")
            assert seen == sorted(seen)
            assert any(100 < it < 10_000 for it in seen) is not still
