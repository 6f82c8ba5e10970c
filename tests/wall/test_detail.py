"""An account with all its figures: what a person reads there."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.wall.deep import absent, dialogue, number, post, share, with_deep
from tests.wall.figures import record, snapshot
from tests.wall.pages import BLUESKY, CONTRASTS, DESK, FILE, MASTODON, PHONE, SIZES, WALL, page_of, row
from tests.wall.test_access import BAKERY, ENV, EVERYWHERE, WITH_TOKENS
from tests.wall.walls import TWO_CLIENTS, RunningWall, settings_from

from resonanz_streams.clock import wall_ms
from resonanz_streams.events import KpiEntry
from resonanz_streams.kpis import KPIS
from resonanz_streams.kpis.base import WHY
from resonanz_streams.transports.ports import Record

DASH = "\N{EN DASH}"
CAPTIONS = [group.capitalize() for group in dict.fromkeys([*(it.group for it in KPIS), "benchmarks"])]
OPEN = "#account=bluesky%3Adid%3Aplc%3Aabc&window=7d"


def full(at_ms: int, *more: KpiEntry, **counts: float) -> list[Record]:
    """An account of which everything is known but who belongs to a target list."""
    deep = [
        absent("target_coverage", "no_target_list"),
        *dialogue(12, 15, 3, 1),
        KpiEntry("reaction_time", "7d", None, 7200, None, None, None, 40, 1.0),
        *(
            KpiEntry("reaction_time", "7d", f"hour:{hour:02d}", value, None, None, None, 20, 1.0)
            for hour, value in ((4, 1800), (23, 7200))
        ),
        share("topic_share", None, 30, 40, (0.6, 0.86)),
        share("topic_share", "topic:cake", 10, 40, (0.14, 0.4)),
        share("topic_share", "topic:bread", 20, 40, (0.35, 0.65)),
        share("topic_share", "topic:other", 12, 40, (0.18, 0.45)),
        share("suspicion_share", None, 1, 4, (0.046, 0.699)),
    ]
    return with_deep(snapshot(BLUESKY, at_ms, **counts), [*deep, *more])  # type: ignore[arg-type]  # numbers only


def figure(page: Page, kpi: str, label: str | None = None) -> Locator:
    """The row of a KPI, or that of a part of it by the part's name."""
    rows = page.locator(f"#detail tr[data-kpi={kpi}]")
    return rows.first if label is None else rows.filter(has=page.locator(".label", has_text=label))


def cells(found: Locator) -> list[str]:
    """Value, interval, what it was computed from, coverage."""
    return [
        found.locator(it).inner_text().strip() for it in ("td.value", ".interval", "td.from", "td.covered")
    ]


def test_a_figure_stands_with_all_that_it_was_computed_from(browser: Browser, wall: RunningWall) -> None:
    # 100 interactions an hour of 1,200 people: 16,800 in a week, 14,000 per 1,000.
    wall.put(*full(wall_ms()))
    with page_of(browser, wall, WALL, OPEN) as page:
        expect(page.get_by_role("dialog", name="winter.example")).to_be_visible()
        expect(page.locator("#detail-about")).to_have_text(f"Bakery Winter · bluesky · {BLUESKY}")
        expect(page.locator("#detail caption")).to_have_text(CAPTIONS)
        assert cells(figure(page, "response_rate")) == ["80 %", f"64{DASH}88 %", "12 / 15", "100 %"]
        assert cells(figure(page, "suspicion_share")) == ["25 %", f"4.6{DASH}70 %", "1 / 4", "100 %"]
        assert cells(figure(page, "backlog", "oldest age")) == ["10 h", "", "of 18", "100 %"]
        expect(figure(page, "response_rate").locator(".method")).to_have_text("Wilson")
        expect(figure(page, "backlog").locator(".method")).to_have_text("")
        rate = cells(figure(page, "interactions_per_potential"))
        assert rate == ["14.0k per 1,000", f"13.8k{DASH}14.2k", "16,800 / 1,200", "100 %"]
        expect(figure(page, "response_rate").locator(".meant")).to_have_text(
            "audience comments of the window answered within response_sla / those whose SLA has passed"
        )
        expect(figure(page, "response_rate").locator("td.from")).to_have_attribute(
            "title", "comments answered within the SLA / comments whose SLA has passed"
        )
        expect(figure(page, "target_coverage").locator(".value")).to_have_text(f"{DASH} ")
        expect(figure(page, "target_coverage").locator(".reason")).to_have_text(
            "The client has no target_list, or an empty one."
        )


def test_an_interval_is_drawn_where_its_numbers_lie(browser: Browser, wall: RunningWall) -> None:
    wall.put(*full(wall_ms()))
    with page_of(browser, wall, WALL, OPEN) as page:
        drawn = figure(page, "response_rate")
        whisker, span, mark = (drawn.locator(it).bounding_box() for it in (".whisker", ".span", ".mark"))
        assert whisker is not None
        assert span is not None
        assert mark is not None
        assert span["x"] - whisker["x"] == pytest.approx(0.64 * whisker["width"], abs=1)
        assert span["width"] == pytest.approx(0.24 * whisker["width"], abs=1)
        middle = mark["x"] + mark["width"] / 2
        assert middle - whisker["x"] == pytest.approx(0.8 * whisker["width"], abs=1)
        expect(figure(page, "target_coverage").locator(".whisker")).to_be_hidden()


def test_what_one_wants_first_stands_in_large(browser: Browser, wall: RunningWall) -> None:
    wall.put(*full(wall_ms()))
    with page_of(browser, wall, WALL, OPEN) as page:
        facts = page.locator("#detail-facts article")
        expect(facts.locator(".figure")).to_have_text(["16,800", "14.0k", "7,000", "80 %", "3"])
        expect(facts.nth(3).locator(".note")).to_have_text("12 of 15")
        expect(facts.nth(4).locator(".note")).to_have_text("1 past the SLA, oldest 10 h")


def test_deep_figures_say_as_of_when_they_are(browser: Browser, wall: RunningWall) -> None:
    now = wall_ms()
    shot = with_deep(snapshot(BLUESKY, now), dialogue(12, 15, 3, 1), at_ms=now - 40_000)
    wall.put(*shot)
    with page_of(browser, wall, WALL, OPEN) as page:
        shown = page.evaluate("at => new Date(at).toLocaleTimeString('en-GB')", now - 40_000)
        expect(figure(page, "response_rate").locator(".note")).to_have_text(f"as of {shown}")
        expect(figure(page, "interactions").locator(".note")).to_have_text("")


def test_topics_are_bars_that_compare(browser: Browser, wall: RunningWall) -> None:
    wall.put(*full(wall_ms()))
    with page_of(browser, wall, WALL, OPEN) as page:
        bars = page.locator("#detail tr[data-kpi=topic_share].bar")
        expect(bars.locator(".label")).to_have_text(["bread", "cake", "other"])
        widths = [box["width"] for box in (it.bounding_box() for it in bars.locator("i.bar").all()) if box]
        assert widths[0] == pytest.approx(2 * widths[1], abs=1)
        assert widths[2] == pytest.approx(1.2 * widths[1], abs=1)


def test_hours_are_columns_and_a_list(browser: Browser, wall: RunningWall) -> None:
    wall.put(*full(wall_ms()))
    with page_of(browser, wall, WALL, OPEN) as page:
        expect(page.locator(".hours li")).to_have_count(24)
        late, early, none = (page.locator(f".hours li[data-hour='{it}']") for it in ("23", "04", "12"))
        expect(late.locator(".said")).to_have_text("23:00 2.0 h of 20")
        expect(none.locator(".said")).to_have_text("12:00 no post")
        heights = [it.locator("i").evaluate("it => it.offsetHeight") for it in (late, early)]
        assert heights[0] == pytest.approx(4 * heights[1], abs=2)


def test_a_kpi_that_the_page_does_not_know_is_shown(browser: Browser, wall: RunningWall) -> None:
    own = [
        number("warmth", None, 3.5, 8),
        share("warmth", "by_letter", 1, 4, (0.1, 0.6)),
        absent("cold", "too_hot"),
    ]
    wall.put(*with_deep(snapshot(BLUESKY, wall_ms()), own))
    with page_of(browser, wall, WALL, OPEN) as page:
        expect(page.get_by_role("table", name="Further KPIs")).to_be_visible()
        assert cells(figure(page, "warmth")) == ["3.50", "", "of 8", "100 %"]
        assert cells(figure(page, "warmth", "by letter")) == ["0.25", f"0.10{DASH}0.60", "1 / 4", "100 %"]
        expect(figure(page, "cold").locator(".reason")).to_have_text("Too hot.")


def test_every_kpi_of_ours_has_its_group(browser: Browser, wall: RunningWall) -> None:
    shot = snapshot(BLUESKY, wall_ms(), windows=[])
    wall.put(*with_deep(shot, [number(it.id, None, 1) for it in KPIS]))
    with page_of(browser, wall, WALL, OPEN) as page:
        expect(page.locator("#detail tr.whole")).to_have_count(len(KPIS))
        expect(page.locator("#detail caption")).to_have_text([*CAPTIONS[:1], "Posts", *CAPTIONS[1:]])
        expect(page.get_by_role("table", name="Further KPIs")).to_have_count(0)


def test_a_short_window_says_where_the_other_figures_are(browser: Browser, wall: RunningWall) -> None:
    wall.put(*full(wall_ms()))
    with page_of(browser, wall, WALL, OPEN.replace("7d", "1h")) as page:
        expect(page.get_by_role("table", name="Dialogue").locator(".why")).to_have_text(
            "Over 24 h, 7 days, 28 days only."
        )
        page.get_by_role("radio", name="28 days").check(force=True)
        expect(page.get_by_role("table", name="Dialogue").locator(".why")).to_have_text("Not computed yet.")
        assert page.url.endswith("window=28d")


def test_what_people_write_is_text(browser: Browser, tmp_path: Path) -> None:
    evil = "<img src=x onerror=document.title=1>"
    text = TWO_CLIENTS.replace("winter.example", evil)
    entries = [
        share("topic_share", f"topic:{evil}", 1, 2, (0.1, 0.9)),
        number(f"<b>{evil}", None, 1),
        absent("virality", evil),
        post(evil, 4, 2),
    ]
    with RunningWall(settings_from(tmp_path, text)) as wall:
        wall.put(*with_deep(snapshot(BLUESKY, wall_ms()), entries))
        with page_of(browser, wall, WALL, OPEN) as page:
            expect(page.locator("#detail-name")).to_have_text(evil)
            expect(figure(page, "topic_share").locator(".label")).to_have_text(evil)
            expect(page.locator("#detail .post .label")).to_have_text(evil)
            expect(figure(page, "virality").locator(".reason")).to_have_text(f"{evil}.")
            assert page.locator("img, #detail table b b, script:not([src])").count() == 0
            assert "LIVE" in page.title()


def test_the_posts_behind_a_number(browser: Browser, wall: RunningWall) -> None:
    whole = number("over_performance", None, 1.2)
    posts = [post("p1", 4, 8), post("p2", 30, 10), post("p3", 4, 2)]
    wall.put(*with_deep(snapshot(BLUESKY, wall_ms()), [whole, *posts]))
    with page_of(browser, wall, WALL, OPEN) as page:
        told = page.get_by_role("table", name="Posts").locator("tbody tr")
        expect(told.locator(".label")).to_have_text(["p2", "p1", "p3"])
        assert cells(told.first) == ["30", f"2.70{DASH}3.30", "3.00 × 10.0", "100 %"]
        expect(page.locator("#detail tr[data-kpi=over_performance]")).to_have_count(1)


@pytest.mark.parametrize("size", [WALL, DESK, PHONE])
def test_it_is_readable_and_fits(browser: Browser, wall: RunningWall, size: tuple[int, int]) -> None:
    long = [
        share("topic_share", f"topic:{'endless' * 12}", 1, 2, (0.1, 0.9)),
        post("at://" + "did" * 40, 5, 2),
    ]
    wall.put(*full(wall_ms(), *long, likes_per_hour=90_000, coverage=0.5))
    with page_of(browser, wall, size, OPEN) as page:
        expect(figure(page, "response_rate")).to_be_visible()
        expect(figure(page, "interactions").locator(".word")).to_have_text("PARTIAL")
        assert page.evaluate("document.documentElement.scrollWidth") == size[0]
        body = page.locator("#detail-body")
        assert body.evaluate("it => it.scrollWidth <= it.clientWidth")
        assert body.evaluate("it => it.scrollHeight > it.clientHeight")
        contrasts = [it for it in page.evaluate(CONTRASTS) if it[0]]
        assert len(contrasts) > 60
        assert [it for it in contrasts if it[1] < 4.5] == []
        least = {WALL: 32, DESK: 22, PHONE: 15}[size]
        assert [it for it in page.evaluate(SIZES) if it[1] < least] == []


def test_a_keyboard_opens_and_closes_it_and_the_focus_returns(browser: Browser, wall: RunningWall) -> None:
    wall.put(*full(wall_ms()))
    with page_of(browser, wall, WALL) as page:
        link = row(page, BLUESKY).get_by_role("link", name="winter.example")
        link.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#detail-name")).to_be_focused()
        expect(page.get_by_role("radio", name="24 h")).to_be_checked()
        page.keyboard.press("Escape")
        expect(page.locator("#detail")).to_be_hidden()
        expect(link).to_be_focused()
        expect(page).to_have_url(re.compile(r"^[^#]*$"))


def test_it_opens_by_a_tap_anywhere_on_the_row(browser: Browser, wall: RunningWall) -> None:
    wall.put(*full(wall_ms()))
    with page_of(browser, wall, PHONE) as page:
        row(page, BLUESKY).locator(".count .figure").tap()
        expect(page.locator("#detail-name")).to_have_text("winter.example")
        page.go_back()
        expect(page.locator("#detail")).to_be_hidden()
        page.go_forward()
        expect(page.locator("#detail-name")).to_have_text("winter.example")
        page.get_by_role("button", name="Close").tap()
        expect(page.locator("#detail")).to_be_hidden()


def test_only_the_open_account_is_asked_for_and_again_when_it_changes(
    browser: Browser, wall: RunningWall
) -> None:
    wall.put(*full(wall_ms()), record(snapshot(FILE, wall_ms())))
    with page_of(browser, wall, WALL) as page:
        asked: list[str] = []
        page.on("request", lambda it: asked.append(it.url))
        page.reload()
        expect(row(page, BLUESKY).locator(".count .figure")).to_have_text("100")
        (stream,) = [it for it in asked if "/api/v1/stream?" in it]
        assert stream.count("kpi=") == 5
        assert not [it for it in asked if "/kpis" in it]
        row(page, BLUESKY).get_by_role("link").click()
        expect(figure(page, "interactions").locator(".value")).to_have_text("2,400 ")
        wall.put(*full(wall_ms(), likes_per_hour=120))
        expect(figure(page, "interactions").locator(".value")).to_have_text("4,800 ")
        its = [it for it in asked if "/kpis?" in it]
        assert its
        assert all("/accounts/bluesky%3Adid%3Aplc%3Aabc/kpis?window=24h" in it for it in its)


def test_an_account_that_is_not_is_said(browser: Browser, wall: RunningWall) -> None:
    with page_of(browser, wall, WALL, "#account=file:nobody") as page:
        expect(page.locator("#detail-state")).to_contain_text("There is no account 'file:nobody'")


def test_without_figures_it_says_so(browser: Browser, wall: RunningWall) -> None:
    with page_of(browser, wall, WALL, f"#account={MASTODON}") as page:
        expect(page.locator("#detail-state")).to_have_text("NO DATA · no figures yet")
        expect(page.locator("#detail caption")).to_have_text(CAPTIONS)


def test_a_ratio_that_is_no_share_may_exceed_one(browser: Browser, wall: RunningWall) -> None:
    ratio = KpiEntry("outbound_effect", "7d", None, 2.5, 1.2, 5.0, 5.0, 2.0, 1.0)
    wall.put(*with_deep(snapshot(BLUESKY, wall_ms()), [ratio]))
    with page_of(browser, wall, WALL, OPEN) as page:
        assert cells(figure(page, "outbound_effect")) == ["2.50", f"1.20{DASH}5.00", "5 / 2", "100 %"]


def test_a_post_that_cannot_be_compared_keeps_its_interactions(browser: Browser, wall: RunningWall) -> None:
    few = KpiEntry("over_performance", "7d", "post:p1", None, None, None, 6.0, None, 1.0, "too_few_posts")
    whole = absent("over_performance", "too_few_posts")
    wall.put(*with_deep(snapshot(BLUESKY, wall_ms()), [whole, few]))
    with page_of(browser, wall, WALL, OPEN) as page:
        told = page.get_by_role("table", name="Posts").locator("tbody tr")
        expect(told.locator(".value")).to_have_text("6 ")
        expect(told.locator(".reason")).to_have_text(WHY["too_few_posts"].capitalize() + ".")


def test_a_benchmark_says_why_it_is_absent(browser: Browser, wall: RunningWall) -> None:
    wall.put(record(snapshot(FILE, wall_ms())))
    with page_of(browser, wall, WALL, "#account=file:a17&window=28d") as page:
        expect(page.get_by_role("table", name="Benchmarks")).to_be_visible()
        told = figure(page, "benchmark").locator(".reason")
        expect(told).to_have_text("The client did not agree to be compared (benchmarks).")


def test_who_is_let_in_sees_what_the_address_asks_for(browser: Browser, tmp_path: Path) -> None:
    with RunningWall(settings_from(tmp_path, WITH_TOKENS, ENV), listen_on=EVERYWHERE) as wall:
        wall.put(*full(wall_ms()))
        with page_of(browser, wall, WALL, OPEN) as page:
            expect(page.locator("#link")).to_have_text("LOG IN")
            expect(page.locator("#detail")).to_be_hidden()
            page.get_by_label("Token").fill(BAKERY)
            page.get_by_role("button", name="Show the wall").click()
            expect(figure(page, "response_rate")).to_be_visible()
            assert "16,800 / 1,200" in page.content()
            page.get_by_role("button", name="Close").click()
            expect(page.locator("#detail")).to_be_hidden()
            assert "16,800 / 1,200" not in page.content()
            page.evaluate("id => { location.hash = `account=${id}` }", MASTODON)
            expect(page.locator("#detail-state")).to_contain_text("There is no account")
            page.get_by_role("button", name="Close").click()
            expect(page.locator("#detail")).to_be_hidden()
